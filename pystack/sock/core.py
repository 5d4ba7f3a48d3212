"""What a socket is made of, and what every call asks first: is it open, is an error pending, what may be waited for."""

import errno
from collections.abc import Callable

from pystack.ip.address import ANY4, ANY6
from pystack.sock import poll
from pystack.sock.constants import AF_INET, AF_INET6, IPPROTO_TCP, SOCK_STREAM
from pystack.sock.errors import errno_of_ending, os_error
from pystack.stack.endpoint import Endpoint
from pystack.stack.host import Host
from pystack.stack.listener import Listener
from pystack.tcp.config import TcpConfig
from pystack.tcp.connection import Connection

Address = tuple[bytes, int]
"""A packed address and a port."""


class SockCore:
    """The state of a socket of `host`. Use `pystack.sock.calls.Sock`."""

    __slots__ = (
        "_bound",
        "_connecting",
        "_ending_told",
        "_error",
        "_local",
        "_settings",
        "closed",
        "connection",
        "down",
        "endpoint",
        "family",
        "host",
        "linger",
        "listener",
        "notsent_lowat",
        "on_ready",
        "oob_inline",
        "proto",
        "read_shut",
        "reuse_address",
        "type",
    )

    def __init__(self, host: Host, family: int, type: int, proto: int) -> None:
        if family not in (AF_INET, AF_INET6):
            raise os_error(errno.EAFNOSUPPORT)
        if type != SOCK_STREAM or proto not in (0, IPPROTO_TCP):
            raise os_error(errno.EPROTONOSUPPORT)
        self.host = host
        self.family: int = family
        self.type: int = type
        self.proto: int = IPPROTO_TCP
        self.endpoint: Endpoint | None = None
        self.connection: Connection | None = None
        """`endpoint.connection`, a step nearer."""
        self.listener: Listener | None = None
        self.closed = False
        self.down = 0
        """The errno of every call since the network under the socket has gone, 0 before."""
        self.read_shut = False
        self.reuse_address: bool = False
        self.linger: int | None = None
        """SO_LINGER in seconds. Only 0 has a meaning here: `close` resets."""
        self.notsent_lowat = 0
        self.oob_inline = False
        self.on_ready: Callable[[], None] | None = None
        """Called when readiness may have changed."""
        self._settings = host.config.tcp
        self._bound: Address | None = None
        """The name that this socket holds in the host's ports."""
        self._local: Address = (self._wildcard, 0)
        self._connecting = False
        """Nobody has been told yet how `connect` went."""
        self._error = 0
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
        if self._error or self.down:
            return True
        connection = self.connection
        return connection is not None and not self._ending_told and errno_of_ending(connection) != 0

    def take_error(self) -> int:
        """SO_ERROR: the pending errno, which is not pending any more; 0 for none."""
        if self.down:
            return self.down
        error, self._error = self._error, 0
        connection = self.connection
        if not error and connection is not None and connection.ending is not None and not self._ending_told:
            self._ending_told = True
            error = errno_of_ending(connection)
        return error

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

    def touch(self) -> None:
        """Tells the host that the connection may have something to send."""
        if self.endpoint is not None:
            self.host.touch(self.endpoint)

    @property
    def _wildcard(self) -> bytes:
        return ANY4 if self.family == AF_INET else ANY6

    def _adopt(self, endpoint: Endpoint) -> None:
        endpoint.context = self
        self.endpoint = endpoint
        self.connection = endpoint.connection
        self.connection.urgent.inline = self.oob_inline
        self._local = endpoint.local, endpoint.local_port
        self._ending_told = False

    def _let_go(self) -> None:
        if self.endpoint is not None:
            self.endpoint.context = None
        self.endpoint = self.connection = None
        self._local = self._bound or (self._wildcard, 0)

    def _tell(self) -> None:
        if self.on_ready is not None:
            self.on_ready()

    def _raise_pending(self) -> None:
        error = self.take_error()
        if error:
            raise os_error(error)

    def _check(self) -> None:
        if self.closed:
            raise os_error(errno.EBADF)
        if self.down:
            raise os_error(self.down)

    def _check_family(self, address: bytes) -> None:
        if len(address) != len(self._wildcard):
            raise os_error(errno.EAFNOSUPPORT)

    @staticmethod
    def _check_flags(flags: int, known: int) -> None:
        if flags & ~known:
            raise os_error(errno.EOPNOTSUPP, f"flags {flags & ~known:#x} are not supported")
