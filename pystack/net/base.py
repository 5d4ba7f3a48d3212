"""What all our sockets have in common: the surface and the manners of trio's own."""

import builtins
import errno
import socket as stdlib
import warnings
import weakref
from abc import abstractmethod
from collections.abc import Callable
from types import TracebackType
from typing import Any, Final, NoReturn, Self, TypeVar

import trio

from pystack.net import address as addresses
from pystack.net.driver import Driver
from pystack.sock import constants
from pystack.sock.base import SockBase
from pystack.sock.constants import WouldBlock
from pystack.wire.buffers import Buffer

T = TypeVar("T")

_NO_DESCRIPTOR: Final = -2
"""What `fileno` says while the socket is open: trio asks it for -1 only, which means closed, and the operating system
refuses any negative number."""

_PROTOCOLS: Final = {
    constants.IPPROTO_TCP: "TCP",
    constants.IPPROTO_UDP: "UDP",
    constants.IPPROTO_ICMP: "ICMP echo",
    constants.IPPROTO_ICMPV6: "ICMP echo",
}

checkpoint_if_cancelled = trio.lowlevel.checkpoint_if_cancelled
schedule_point = trio.lowlevel.cancel_shielded_checkpoint
"""Each call here is a full checkpoint, as trio promises and its stream checkers verify: a look for cancellation before
anything is done, and a turn for the others, which a cancellation cannot interrupt, once it is. A call that had to wait
has had both. The turn costs 3.3 µs. Leaving most of them out would be faster and fair enough, but a program that
relies on trio's rule would meet its first unfair socket here; and a batch of packets costs many times more."""


def _weakly(method: Callable[[], None]) -> Callable[[], None]:
    """Calls the method as long as its object lives: the host's connection must not keep a dropped socket alive."""
    reference = weakref.WeakMethod(method)

    def call() -> None:
        alive = reference()
        if alive is not None:
            alive()

    return call


class BaseSocket(trio.socket.SocketType):
    """The part of a socket that is the same for TCP and UDP, over `sock`.

    As with trio's own: a call that is cancelled has done nothing, but for `connect`, which closes the socket;
    `close` wakes whoever waits with `trio.ClosedResourceError`, and later calls raise OSError EBADF.
    """

    _sock: SockBase

    def __init__(self, driver: Driver, sock: SockBase) -> None:
        super().__init__()
        self._driver = driver
        self._sock = sock
        self._number = driver.register(self)
        self._did_shutdown_write = False
        self._readers = trio.lowlevel.ParkingLot()
        self._writers = trio.lowlevel.ParkingLot()
        sock.on_ready = _weakly(self._wake)

    def __del__(self) -> None:
        # As the standard library's sockets: who drops one without closing it is told, and the peer sees it closed.
        if not self._sock.closed:
            warnings.warn(f"unclosed {self!r}", ResourceWarning, source=self, stacklevel=2)
            if trio.lowlevel.in_trio_run():
                self.close()

    # What it is

    @property
    def family(self) -> stdlib.AddressFamily:
        return stdlib.AF_INET if self._sock.family == constants.AF_INET else stdlib.AF_INET6

    @property
    def type(self) -> stdlib.SocketKind:
        return stdlib.SOCK_STREAM if self._sock.type == constants.SOCK_STREAM else stdlib.SOCK_DGRAM

    @property
    def proto(self) -> int:
        return self._sock.proto

    @property
    def did_shutdown_SHUT_WR(self) -> bool:  # noqa: N802
        return self._did_shutdown_write

    def __repr__(self) -> str:
        if self._sock.closed:
            return "<pystack socket, closed>"
        protocol = _PROTOCOLS[self._sock.proto]
        kind = "IPv4" if self.family == stdlib.AF_INET else "IPv6"
        return f"<pystack socket, {protocol} over {kind}, {self._state()}>"

    @abstractmethod
    def _state(self) -> str:
        """What `repr` says of an open socket."""

    def fileno(self) -> int:
        """-1 once closed, -2 before: there is no descriptor."""
        return -1 if self._sock.closed else _NO_DESCRIPTOR

    def getsockname(self) -> addresses.SocketAddress:
        return addresses.unpack(*self._sock.getsockname())

    def getpeername(self) -> addresses.SocketAddress:
        return addresses.unpack(*self._sock.getpeername())

    def getsockopt(self, level: int, optname: int, buflen: int | None = None) -> Any:
        return self._sock.getsockopt(level, optname, buflen)

    def setsockopt(self, level: int, optname: int, value: Any, optlen: int | None = None) -> None:
        if value is None:
            raise OSError(errno.EFAULT, "an option without a value is not supported")
        self._sock.setsockopt(level, optname, value)

    def is_readable(self) -> bool:
        """Whether reading, or accepting, would not wait."""
        return not self._sock.closed and self._sock.readable

    async def bind(self, address: Any) -> None:
        await trio.lowlevel.checkpoint()
        self._driver.check_device()
        self._sock.bind(*addresses.pack(self.family, address))

    async def wait_writable(self) -> None:
        await checkpoint_if_cancelled()
        if await self._may_write() is None:
            await schedule_point()

    async def _may_write(self) -> bool | None:
        """None if there is room at once, True after a wait for it."""
        sock = self._sock
        if sock.closed:
            raise trio.ClosedResourceError
        if sock.writable:
            return None
        return await self._wait(self._writers, lambda: True if sock.writable else WouldBlock.WRITE)

    # Closing

    def shutdown(self, flag: int) -> None:
        self._sock.shutdown(flag)
        if flag in (stdlib.SHUT_WR, stdlib.SHUT_RDWR):
            self._did_shutdown_write = True
        self._driver.flush()

    def close(self) -> None:
        if self._sock.closed:
            return
        self._sock.close(self._driver.clock())
        self._driver.unregister(self._number)
        self._driver.flush()

    def fail(self, code: int) -> None:
        """The device is gone: every call raises `code` from now on."""
        self._sock.fail(code)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: builtins.type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def detach(self) -> NoReturn:
        raise OSError(errno.EOPNOTSUPP, "a socket of this stack has no descriptor to detach")

    def dup(self) -> NoReturn:
        raise OSError(errno.EOPNOTSUPP, "a socket of this stack has no descriptor to duplicate")

    def get_inheritable(self) -> bool:
        return False

    def set_inheritable(self, inheritable: bool) -> None:
        if inheritable:
            raise OSError(errno.EOPNOTSUPP, "a socket of this stack lives in this process alone")

    # Waiting

    async def _wait(self, lot: trio.lowlevel.ParkingLot, attempt: Callable[[], T | WouldBlock]) -> T:
        """Makes a call that would have blocked again and again, each time that there is news. As with trio's own
        sockets, one task at a time may wait for each direction. Raises `trio.BusyResourceError`.
        """
        while True:
            if lot:
                raise trio.BusyResourceError("another task waits for this socket already, in the same direction")
            await lot.park()
            if self._sock.closed:
                raise trio.ClosedResourceError("another task closed this socket")
            result = attempt()
            if not isinstance(result, WouldBlock):
                return result

    def _wake(self) -> None:
        if self._readers and (self._sock.closed or self._sock.readable):
            self._readers.unpark_all()
        if self._writers and (self._sock.closed or self._sock.writable):
            self._writers.unpark_all()


def as_bytes_like(data: Any) -> Buffer:
    """What can be sliced into bytes."""
    view = memoryview(data)
    return view if view.format == "B" and view.contiguous and view.ndim == 1 else view.cast("B")
