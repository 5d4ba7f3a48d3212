"""What can be set about a host: one frozen value. `tcp` holds what a listener or a socket may replace for itself."""

from dataclasses import dataclass, field

from pystack.ip.config import IpConfig
from pystack.tcp.config import TcpConfig
from pystack.udp.config import UdpConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The settings of a host. Addresses are packed (4 or 16 bytes), each with the prefix length of its network."""

    addresses: tuple[tuple[bytes, int], ...]
    """The host's own addresses; the first of a family is the source where none fits better."""

    mtu: int = 1500
    """Largest packet that the device takes, in bytes."""

    ttl: int = 64
    """TTL and hop limit of what we send (RFC 9293 MUST-49). Linux: net.ipv4.ip_default_ttl."""

    ephemeral_ports: tuple[int, int] = (32768, 60999)
    """First and last port for sockets that ask for none (RFC 6056). Linux: net.ipv4.ip_local_port_range."""

    syn_queue: int = 1024
    """Half-open connections of one listener; when full, the oldest goes. Linux: net.ipv4.tcp_max_syn_backlog."""

    somaxconn: int = 4096
    """Most that a listener's backlog can be. Linux: net.core.somaxconn."""

    max_tw: int = 65536
    """Most connections that may be in TIME-WAIT when no application holds them; one more is closed at once. So many
    take 48 MiB of `memory`. Linux: net.ipv4.tcp_max_tw_buckets, which also comes from the memory that there is."""

    memory: int = 256 << 20
    """Bytes that all connections and fragments may hold together: from three quarters on windows shrink, over it
    out-of-order text is dropped and new work refused. Linux: net.ipv4.tcp_mem."""

    ip: IpConfig = field(default_factory=IpConfig)
    """Routes, fragments, path MTU, ICMP."""

    tcp: TcpConfig = field(default_factory=TcpConfig)
    """What new connections start with."""

    udp: UdpConfig = field(default_factory=UdpConfig)
    """What new UDP sockets start with."""
