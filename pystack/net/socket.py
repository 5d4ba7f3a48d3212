"""Our sockets, with the surface and the manners of trio's own."""

import builtins
import errno
import socket as stdlib
from collections.abc import Callable
from operator import index
from types import TracebackType
from typing import Any, NoReturn, TypeVar, cast

import trio

from pystack.net import address as addresses
from pystack.net.pump import Pump
from pystack.sock import constants
from pystack.sock.calls import Sock
from pystack.sock.constants import WouldBlock
from pystack.tcp.info import TcpInfo
from pystack.wire.buffers import Buffer

T = TypeVar("T")

_FAMILIES = {stdlib.AF_INET: constants.AF_INET, stdlib.AF_INET6: constants.AF_INET6}
_FLAGS_OF_TYPE = getattr(stdlib, "SOCK_NONBLOCK", 0) | getattr(stdlib, "SOCK_CLOEXEC", 0)
_NO_DESCRIPTOR = -2
"""What `fileno` says while the socket is open: trio asks it for -1 only, which means closed, and the operating system
refuses any negative number."""

checkpoint_if_cancelled = trio.lowlevel.checkpoint_if_cancelled
schedule_point = trio.lowlevel.cancel_shielded_checkpoint
"""Each call here is a full checkpoint, as trio promises and its stream checkers verify: a look for cancellation before
anything is done, and a turn for the others, which a cancellation cannot interrupt, once it is. A call that had to wait
has had both. The turn costs 3.3 µs. Leaving most of them out would be faster and fair enough, but a program that
relies on trio's rule would meet its first unfair socket here; and a batch of packets costs many times more."""


class Socket(trio.socket.SocketType):
    """A TCP socket of a stack inside this process. Made by `Net.socket`; it has no descriptor.

    As with trio's own: a call that is cancelled has done nothing, but for `connect`, which closes the socket;
    `close` wakes whoever waits with `trio.ClosedResourceError`, and later calls raise OSError EBADF.
    """

    def __init__(self, pump: Pump, sock: Sock) -> None:
        super().__init__()
        self._pump = pump
        self._sock = sock
        self._number = pump.register(self)
        self._did_shutdown_write = False
        self._readers = trio.lowlevel.ParkingLot()
        self._writers = trio.lowlevel.ParkingLot()
        sock.on_ready = self._wake

    # What it is

    @property
    def family(self) -> stdlib.AddressFamily:
        return stdlib.AF_INET if self._sock.family == constants.AF_INET else stdlib.AF_INET6

    @property
    def type(self) -> stdlib.SocketKind:
        return stdlib.SOCK_STREAM

    @property
    def proto(self) -> int:
        return stdlib.IPPROTO_TCP

    @property
    def did_shutdown_SHUT_WR(self) -> bool:  # noqa: N802
        return self._did_shutdown_write

    def __repr__(self) -> str:
        if self._sock.closed:
            return "<pystack socket, closed>"
        kind = "IPv4" if self.family == stdlib.AF_INET else "IPv6"
        state = "listening" if self._sock.listener else self._state()
        return f"<pystack socket, TCP over {kind}, {state}>"

    def _state(self) -> str:
        connection = self._sock.connection
        return "not connected" if connection is None else str(connection.tcb.state)

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
        self._flush_if_touched()

    def tcp_info(self) -> TcpInfo:
        """A frozen snapshot with the names of Linux's tcp_info. Raises ENOTCONN."""
        return self._sock.tcp_info(self._pump.clock())

    def is_readable(self) -> bool:
        """Whether `recv` or `accept` would not wait."""
        return not self._sock.closed and self._sock.readable

    # Opening

    async def bind(self, address: Any) -> None:
        await trio.lowlevel.checkpoint()
        self._pump.check_device()
        self._sock.bind(*addresses.pack(self.family, address))

    def listen(self, backlog: int = 128) -> None:
        self._pump.check_device()
        self._sock.listen(backlog)

    async def accept(self) -> tuple["Socket", addresses.SocketAddress]:
        await checkpoint_if_cancelled()
        sock = self._sock.accept()
        waited = isinstance(sock, WouldBlock)
        if isinstance(sock, WouldBlock):
            sock = await self._wait(self._readers, self._sock.accept)
        accepted = Socket(self._pump, sock), addresses.unpack(*sock.peer)
        if not waited:
            await schedule_point()
        return accepted

    async def connect(self, address: Any) -> None:
        """Connects. Raises the OSErrors that a connection attempt has; cancelled, it closes the socket."""
        await checkpoint_if_cancelled()
        self._pump.check_device()
        if self._sock.connect(*addresses.pack(self.family, address), self._pump.clock()) is None:
            await schedule_point()
            return
        self._pump.flush()
        try:
            await self._wait(self._writers, self._sock.connect_result)
        except trio.Cancelled:
            # As trio's own: what has become of the attempt is not known, so nothing else could be done with it.
            self.close()
            raise

    # Text

    async def send(self, data: Any, flags: int = 0) -> int:
        await checkpoint_if_cancelled()
        if type(data) is not bytes:
            data = _as_bytes_like(data)
        sent = self._sock.send(data, flags)
        if isinstance(sent, WouldBlock):
            sent = await self._wait(self._writers, lambda: self._sock.send(data, flags))
            self._pump.flush()
            return sent
        self._pump.flush()
        await schedule_point()
        return sent

    async def recv(self, buflen: int, flags: int = 0, /) -> bytes:
        await checkpoint_if_cancelled()
        if index(buflen) <= 0:
            if buflen < 0:
                raise ValueError("negative buffersize in recv")
            await schedule_point()
            return b""  # without a look at the connection, as the standard library
        data = self._sock.recv(buflen, flags)
        if isinstance(data, WouldBlock):
            data = await self._wait(self._readers, lambda: self._sock.recv(buflen, flags))
            self._flush_if_touched()
            return data
        self._flush_if_touched()
        await schedule_point()
        return data

    async def recv_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> int:
        with memoryview(buffer) as whole, whole.cast("B") as view:
            if nbytes < 0:
                raise ValueError("negative buffersize in recv_into")
            if nbytes > len(view):
                raise ValueError("buffer too small for requested bytes")
            data = await self.recv(nbytes or len(view), flags)
            view[: len(data)] = data
        return len(data)

    async def recvfrom(self, bufsize: int, flags: int = 0, /) -> tuple[bytes, Any]:
        """As `recv`; a stream socket has no address to tell, and gives None."""
        return await self.recv(bufsize, flags), None

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
        self._pump.flush()

    def close(self) -> None:
        if self._sock.closed:
            return
        self._sock.close(self._pump.clock())
        self._pump.unregister(self._number)
        self._pump.flush()

    def fail(self, code: int) -> None:
        """The device is gone: every call raises `code` from now on."""
        self._sock.fail(code)

    def __enter__(self) -> "Socket":
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

    def _flush_if_touched(self) -> None:
        endpoint = self._sock.endpoint
        if endpoint is not None and endpoint.touched:
            self._pump.flush()


def new_socket(pump: Pump, family: int, type: int = stdlib.SOCK_STREAM, proto: int = 0) -> Socket:
    """A socket of the pump's host. Raises EAFNOSUPPORT or EPROTONOSUPPORT."""
    if family not in _FAMILIES:
        raise OSError(errno.EAFNOSUPPORT, f"address family {family} is not supported: only AF_INET and AF_INET6")
    kind = type & ~_FLAGS_OF_TYPE
    if kind != stdlib.SOCK_STREAM:
        raise OSError(errno.EPROTONOSUPPORT, "only SOCK_STREAM is supported")
    return Socket(pump, Sock(pump.host, _FAMILIES[cast(stdlib.AddressFamily, family)], constants.SOCK_STREAM, proto))


def _as_bytes_like(data: Any) -> Buffer:
    """What can be sliced into bytes."""
    view = memoryview(data)
    return view if view.format == "B" and view.contiguous and view.ndim == 1 else view.cast("B")
