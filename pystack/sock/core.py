"""What a TCP socket is made of: its connection or listener, its settings, and the error that their end has left."""

import errno

from pystack.ip.address import ANY4, MAPPED_PREFIX
from pystack.sock import poll
from pystack.sock.base import Address, SockBase
from pystack.sock.constants import AF_INET, AF_INET6, IPPROTO_TCP, SOCK_STREAM
from pystack.sock.errors import errno_of_ending, os_error
from pystack.stack import demux
from pystack.stack.endpoint import Endpoint
from pystack.stack.host import Host
from pystack.stack.listener import Listener
from pystack.tcp.config import TcpConfig
from pystack.tcp.connection import Connection
from pystack.udp.discovery import Discovery


class SockCore(SockBase):
    """The state of a socket of `host`. Use `pystack.sock.calls.Sock`."""

    __slots__ = (
        "_bound",
        "_connecting",
        "_discovery",
        "_ending_told",
        "_local",
        "_settings",
        "connection",
        "endpoint",
        "linger",
        "listener",
        "notsent_lowat",
        "oob_inline",
        "tos",
        "ttl",
        "v6only",
    )

    def __init__(self, host: Host, family: int, type: int, proto: int) -> None:
        super().__init__(host, family, type, proto, SOCK_STREAM, IPPROTO_TCP)
        self.endpoint: Endpoint | None = None
        self.connection: Connection | None = None
        """`endpoint.connection`, a step nearer."""
        self.listener: Listener | None = None
        self.linger: int | None = None
        """SO_LINGER in seconds. Only 0 has a meaning here: `close` resets."""
        self.notsent_lowat = 0
        self.oob_inline = False
        self.ttl = host.config.ttl
        self.tos = 0
        self.v6only = True
        """IPV6_V6ONLY. Without it a socket of AF_INET6 speaks IPv4 too, with addresses as RFC 4291 section 2.5.5.2 maps
        them; inside, those have 4 bytes as always."""
        self._discovery = Discovery.WANT
        self._settings = host.config.tcp
        self._bound: Address | None = None
        """The name that this socket holds in the host's ports."""
        self._local: Address = (self._wildcard, 0)
        self._connecting = False
        """Nobody has been told yet how `connect` went."""
        self._ending_told = False

    @property
    def readable(self) -> bool:
        """Whether `recv` or `accept` would not block."""
        return poll.is_readable(self)

    @property
    def writable(self) -> bool:
        """Whether to call `send`, or `connect_result`, again."""
        return poll.is_writable(self)

    @property
    def has_error(self) -> bool:
        """Whether an error is pending."""
        if super().has_error:
            return True
        connection = self.connection
        return connection is not None and not self._ending_told and errno_of_ending(connection, self._spoken) != 0

    def take_error(self) -> int:
        """SO_ERROR: the pending errno, which is not pending any more; 0 for none."""
        error = super().take_error()
        connection = self.connection
        if not error and connection is not None and connection.ending is not None and not self._ending_told:
            self._ending_told = True
            error = errno_of_ending(connection, self._spoken)
        return error

    @property
    def _spoken(self) -> int:
        """The family of the packets, which may be IPv4 for a socket of AF_INET6."""
        return AF_INET if self.endpoint is not None and len(self.endpoint.local) == 4 else self.family

    def _packed(self, address: bytes) -> bytes:
        """The address as the host has it. Raises EAFNOSUPPORT, and ENETUNREACH for IPv4 on a socket of IPv6 alone."""
        self._check_family(address)
        if self.family != AF_INET6 or not address.startswith(MAPPED_PREFIX):
            return address
        if self.v6only:
            raise os_error(errno.ENETUNREACH, "IPV6_V6ONLY is set on this socket, and this is an IPv4 address")
        return address[len(MAPPED_PREFIX) :]

    def _shown(self, address: bytes) -> bytes:
        """The address as an application has it."""
        return MAPPED_PREFIX + address if self.family == AF_INET6 and len(address) == 4 else address

    def _names(self, address: bytes, port: int) -> tuple[Address, ...]:
        """What a socket of this name takes in the host: the wildcard of both families where it speaks both."""
        if self.v6only or len(address) == 4 or any(address):
            return ((address, port),)
        return (address, port), (ANY4, port)

    @property
    def settings(self) -> TcpConfig:
        """What holds for the connection, or will hold for the ones that come."""
        return self.connection.config if self.connection is not None else self._settings

    @settings.setter
    def settings(self, settings: TcpConfig) -> None:
        self._settings = settings
        if self.connection is not None:
            self.connection.config = settings
        if self.listener is not None:
            self.listener.config = settings

    @property
    def discovery(self) -> Discovery:
        """IP_MTU_DISCOVER and IPV6_MTU_DISCOVER."""
        return self._discovery

    @discovery.setter
    def discovery(self, discovery: Discovery) -> None:
        self._discovery = discovery
        self._follow_path()

    def touch(self) -> None:
        """Tells the host that the connection may have something to send."""
        if self.endpoint is not None:
            self.host.touch(self.endpoint)

    def _adopt(self, endpoint: Endpoint) -> None:
        endpoint.context = self
        self.endpoint = endpoint
        self.connection = endpoint.connection
        self._follow_path()
        self.connection.urgent.inline = self.oob_inline
        self._local = endpoint.local, endpoint.local_port
        self._ending_told = False

    def _follow_path(self) -> None:
        """Has the connection send packets that fit what `discovery` believes of its path."""
        endpoint = self.endpoint
        if endpoint is not None and endpoint.discovery is not self.discovery:
            endpoint.discovery = self.discovery
            # What is known of the path counts whatever the time: at its end the host's deadline has it asked for again.
            demux.follow_path(self.host, endpoint, 0)

    def _let_go(self) -> None:
        if self.endpoint is not None:
            self.endpoint.context = None
        self.endpoint = self.connection = None
        self._local = self._bound or (self._wildcard, 0)
