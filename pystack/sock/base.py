"""What every socket has, whatever its protocol: a family, a name, a pending error, an end."""

import errno
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from pystack.ip.address import ANY4, ANY6
from pystack.sock.constants import AF_INET, AF_INET6
from pystack.sock.errors import os_error
from pystack.stack.host import Host
from pystack.wire.buffers import Buffer

if TYPE_CHECKING:
    from pystack.sock.optiontable import OptionTable

Address = tuple[bytes, int]
"""A packed address and a port."""


class SockBase(ABC):
    """The part of a socket of `host` that is the same for all protocols. Raises EAFNOSUPPORT; EPROTONOSUPPORT where
    `type` and `proto` are not those given as `is_type` and `is_proto`, 0 standing for any protocol.
    """

    __slots__ = (
        "_error",
        "closed",
        "down",
        "family",
        "host",
        "on_ready",
        "proto",
        "read_shut",
        "reuse_address",
        "type",
    )

    options: ClassVar["OptionTable"]

    def __init__(self, host: Host, family: int, type: int, proto: int, is_type: int, is_proto: int) -> None:
        if family not in (AF_INET, AF_INET6):
            raise os_error(errno.EAFNOSUPPORT)
        if type != is_type or proto not in (0, is_proto):
            raise os_error(errno.EPROTONOSUPPORT)
        self.host = host
        self.family: int = family
        self.type: int = type
        self.proto: int = is_proto
        self.closed = False
        self.down = 0
        """The errno of every call since the network under the socket has gone, 0 before."""
        self.read_shut = False
        self.reuse_address: bool = False
        self.on_ready: Callable[[], None] | None = None
        """Called when readiness may have changed."""
        self._error = 0

    @property
    @abstractmethod
    def readable(self) -> bool:
        """Whether to read would not block."""

    @property
    @abstractmethod
    def writable(self) -> bool:
        """Whether to write would not block."""

    @abstractmethod
    def bind(self, address: bytes, port: int) -> None:
        """Takes a local address and port."""

    @abstractmethod
    def getsockname(self) -> Address:
        """The local name."""

    @abstractmethod
    def getpeername(self) -> Address:
        """The name of the other side."""

    @abstractmethod
    def shutdown(self, how: int) -> None:
        """Ends one direction or both."""

    @abstractmethod
    def close(self, now: int) -> None:
        """Lets go."""

    @abstractmethod
    def fail(self, code: int) -> None:
        """The network under the socket has gone."""

    def getsockopt(self, level: int, name: int, buflen: int | None = None) -> int | bytes:
        """See `pystack.sock.options` and `pystack.sock.datagram_options`. Raises ENOPROTOOPT."""
        if self.closed:
            raise os_error(errno.EBADF)
        return self.options.get(self, level, name, buflen)

    def setsockopt(self, level: int, name: int, value: int | Buffer) -> None:
        """See `pystack.sock.options` and `pystack.sock.datagram_options`. Raises ENOPROTOOPT, EINVAL."""
        if self.closed:
            raise os_error(errno.EBADF)
        self.options.set(self, level, name, value)

    @property
    def has_error(self) -> bool:
        """Whether an error is pending."""
        return bool(self._error or self.down)

    def take_error(self) -> int:
        """SO_ERROR: the pending errno, which is not pending any more; 0 for none."""
        if self.down:
            return self.down
        error, self._error = self._error, 0
        return error

    @property
    def _wildcard(self) -> bytes:
        return ANY4 if self.family == AF_INET else ANY6

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
