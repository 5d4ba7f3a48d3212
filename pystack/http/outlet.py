"""How bytes leave for a client, and what is known of how far it has taken them."""

import struct
from typing import Protocol

import trio

try:
    import fcntl
    import termios
except ImportError:  # Windows
    _ASKS_THE_KERNEL = False
else:
    _ASKS_THE_KERNEL = hasattr(termios, "TIOCOUTQ")

_SMALL = 16_384
"""Up to this size it does not pay to ask whether there is room."""


class Outlet(Protocol):
    """The sending half of a stream."""

    piece: int
    """How many bytes to hand over at a time."""
    counts: bool
    """A client that takes something less than a piece can be seen: `taken` tells, and a `send_some` that is cancelled
    has sent nothing and may be tried again."""

    async def send_some(self, data: bytes | memoryview) -> int:
        """Hands over the first bytes of `data`, once there is room for any, and says how many."""
        ...

    def taken(self) -> int:
        """A number that changes whenever the client has taken something, as long as nothing is handed over."""
        ...


class SocketOutlet:
    """Into a TCP socket: the TCP below knows what its peer has acknowledged. What a program has not read is hidden in
    its kernel, which acknowledges, and opens its window, in steps of its own (RFC 9293 section 3.8.6.2.2)."""

    piece = 65_536

    def __init__(self, stream: trio.SocketStream) -> None:
        self._stream = stream
        self._tcp_info = getattr(stream.socket, "tcp_info", None)  # of sockets of ours
        self.counts = self._tcp_info is not None or _ASKS_THE_KERNEL

    async def send_some(self, data: bytes | memoryview) -> int:
        if len(data) > _SMALL:
            await self._stream.wait_send_all_might_not_block()
        try:
            return await self._stream.socket.send(data)
        except OSError as error:
            raise trio.BrokenResourceError(str(error)) from error  # as `send_all` does

    def taken(self) -> int:
        """Bytes acknowledged; for the kernel's sockets as the negative of those that are not."""
        try:
            if self._tcp_info is not None:
                return int(self._tcp_info().bytes_acked)
            (queued,) = struct.unpack("i", fcntl.ioctl(self._stream.socket.fileno(), termios.TIOCOUTQ, bytes(4)))
            return -int(queued)
        except (OSError, ValueError):
            return 0  # closed by another task: the next `send_some` says so


class StreamOutlet:
    """Into any other stream, which tells no more than that a piece is through: small ones, so that it does often."""

    piece = 8_192
    counts = False

    def __init__(self, stream: trio.abc.SendStream) -> None:
        self._stream = stream

    async def send_some(self, data: bytes | memoryview) -> int:
        await self._stream.send_all(data)
        return len(data)

    def taken(self) -> int:
        return 0


def outlet(stream: trio.abc.SendStream) -> Outlet:
    """The one that fits."""
    return SocketOutlet(stream) if isinstance(stream, trio.SocketStream) else StreamOutlet(stream)
