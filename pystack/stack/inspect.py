"""What a host is doing, as one value to look at: its connections, listeners and other sockets, and the sums."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pystack.stack.endpoint import Endpoint
from pystack.stack.timewait import TimeWait, names_in
from pystack.tcp.info import TcpInfo
from pystack.tcp.state import State
from pystack.udp.endpoint import UdpEndpoint

if TYPE_CHECKING:
    from pystack.stack.host import Host


@dataclass(frozen=True, slots=True)
class Name:
    """A packed address, or the wildcard, and a port."""

    address: bytes
    port: int


@dataclass(frozen=True, slots=True)
class ConnectionView:
    """One connection. In TIME-WAIT, once no application holds it, there is no `info` any more."""

    local: Name
    remote: Name
    state: str
    """RFC 9293's name."""
    unread: int
    """Bytes that have arrived in order and that the application has not taken."""
    unsent: int
    """Bytes that the application has given and the peer has not acknowledged."""
    info: TcpInfo | None


@dataclass(frozen=True, slots=True)
class ListenerView:
    """One listening port. `half_open` connections are in their handshake, `waiting` ones are not yet accepted."""

    local: Name
    half_open: int
    waiting: int
    backlog: int


@dataclass(frozen=True, slots=True)
class DatagramView:
    """One UDP socket; `remote` is None where it is not connected."""

    local: Name
    remote: Name | None


@dataclass(frozen=True, slots=True)
class EchoView:
    """One ICMP echo socket, whose requests have this identifier. `local` is a packed address, or the wildcard; `remote`
    is None where it is not connected.
    """

    local: bytes
    identifier: int
    remote: bytes | None


@dataclass(frozen=True, slots=True)
class Inspection:
    """A whole host at one moment."""

    connections: tuple[ConnectionView, ...]
    """Oldest first, those in TIME-WAIT last."""
    listeners: tuple[ListenerView, ...]
    datagrams: tuple[DatagramView, ...]
    echoes: tuple[EchoView, ...]
    memory: int
    """Bytes that the host's memory budget counts as held."""
    counters: dict[str, int]
    """Those that are not 0."""


def inspect(host: "Host", now: int) -> Inspection:
    """Looks and changes nothing. It costs some 10 µs for each connection."""
    return Inspection(
        connections=(
            *(_connection(endpoint, now) for endpoint in host.endpoints()),
            *(_time_wait(record) for record in host.connections.time_waits.values()),
        ),
        listeners=tuple(
            ListenerView(Name(local, port), listener.half_open_count, listener.waiting_count, listener.backlog)
            for (local, port), listener in host.listeners.items()
        ),
        datagrams=tuple(_datagram(endpoint) for endpoint in host.datagrams.endpoints()),
        echoes=tuple(EchoView(e.local, e.local_port, e.remote) for e in host.echoes.endpoints()),
        memory=host.memory.held,
        counters=host.metrics.snapshot(),
    )


def _connection(endpoint: Endpoint, now: int) -> ConnectionView:
    c = endpoint.connection
    return ConnectionView(
        Name(endpoint.local, endpoint.local_port),
        Name(endpoint.remote, endpoint.remote_port),
        str(c.state),
        c.recvbuf.size,
        len(c.sendbuf),
        c.info(now),
    )


def _time_wait(record: TimeWait) -> ConnectionView:
    local, local_port, remote, remote_port = names_in(record.key)
    return ConnectionView(Name(local, local_port), Name(remote, remote_port), str(State.TIME_WAIT), 0, 0, None)


def _datagram(endpoint: UdpEndpoint) -> DatagramView:
    remote = endpoint.remote
    return DatagramView(
        Name(endpoint.local, endpoint.local_port), None if remote is None else Name(remote, endpoint.remote_port)
    )
