"""The stream of one connection: what its end means, and writes that make progress or end it."""

import math
import struct

import trio

RECEIVE_SIZE = 65_536
_PIECE = 65_536
_LINGER_0 = struct.pack("ii", 1, 0)

# What a slow client does not take is held for as long as it likes, and once for each such client: so no more is handed
# over than keeps a fast one going. What is on its way does not count; a long path is not slowed down.
_UNSENT = 131_072
_SMALL = 16_384
"""Up to this size it does not pay to ask whether there is room."""


class ClientGone(ConnectionError):
    """The connection is over: the client reset it, or took nothing of what we sent for too long."""


class Channel:
    """Every method but `abort` raises `ClientGone` once the connection is over."""

    def __init__(self, stream: trio.abc.Stream, write_timeout: float) -> None:
        self.ended = False
        """The client sends no more."""
        self.gone = ""
        """Why the connection is over; empty while it is not."""
        self.over = trio.Event()
        self._stream = stream
        self._write_timeout = write_timeout or math.inf
        if hasattr(trio.socket, "TCP_NOTSENT_LOWAT"):
            self._set_option(trio.socket.IPPROTO_TCP, trio.socket.TCP_NOTSENT_LOWAT, _UNSENT)

    async def receive(self) -> bytes | bytearray:
        """What comes next; nothing once the client sends no more."""
        try:
            data = await self._stream.receive_some(RECEIVE_SIZE)
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            raise self._lost() from error
        self.ended = not data
        return data

    async def send(self, data: bytes) -> None:
        """Hands `data` to the stream, and aborts the connection if the client makes no room for a piece in time."""
        if self.gone:
            raise ClientGone(self.gone)
        try:
            if len(data) <= _PIECE:
                await self._send_piece(data)
                return
            with memoryview(data) as view:
                for at in range(0, len(view), _PIECE):
                    await self._send_piece(view[at : at + _PIECE])
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            raise self._lost() from error

    async def _send_piece(self, piece: bytes | memoryview) -> None:
        with trio.move_on_after(self._write_timeout) as scope:
            if len(piece) > _SMALL:
                await self._stream.wait_send_all_might_not_block()
            await self._stream.send_all(piece)
        if scope.cancelled_caught:
            await self.abort(f"the client took nothing for {self._write_timeout:g} s")
            raise ClientGone(self.gone)

    async def say_goodbye(self, linger: float) -> None:
        """FIN first, then `linger` seconds of reading the client out: closing with unread bytes would send a RST, and a
        RST makes the client's kernel throw away the end of the response that it has not read yet (RFC 9112 section
        9.6). With 0 seconds, only the FIN."""
        if not isinstance(self._stream, trio.abc.HalfCloseableStream):
            return
        try:
            await self._stream.send_eof()
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            raise self._lost() from error
        with trio.move_on_after(linger):
            while not self.ended:
                await self.receive()

    async def abort(self, why: str) -> None:
        """Ends the connection with a RST where the stream has a socket (SO_LINGER of 0 seconds), else by closing it."""
        self._end(why)
        self._set_option(trio.socket.SOL_SOCKET, trio.socket.SO_LINGER, _LINGER_0)
        await trio.aclose_forcefully(self._stream)

    def _set_option(self, level: int, option: int, value: int | bytes) -> None:
        """Where the stream has a socket."""
        sock = getattr(self._stream, "socket", None)
        if sock is not None:
            try:
                sock.setsockopt(level, option, value)
            except OSError:
                pass  # closed already, or not TCP

    def _lost(self) -> ClientGone:
        self._end("the client is gone")
        return ClientGone(self.gone)

    def _end(self, why: str) -> None:
        self.gone = self.gone or why
        self.over.set()
