"""The stream of one connection: what its end means, and writes that make progress or end it."""

import math
import struct
from dataclasses import dataclass

import trio

from pystack.http.outlet import outlet

RECEIVE_SIZE = 65_536
_LOOKS = 16
"""How often within the time for writing a client is looked at, to see whether it has taken anything."""
_LINGER_0 = struct.pack("ii", 1, 0)

# What a slow client does not take is held for as long as it likes, and once for each such client: so no more is handed
# over than keeps a fast one going. What is on its way does not count; a long path is not slowed down.
_UNSENT = 131_072


class ClientGone(ConnectionError):
    """The connection is over: the client reset it, or took nothing of what we sent for too long."""


@dataclass(frozen=True, slots=True)
class Stall:
    """Since when, on trio's clock, a client has taken nothing, and what it had taken by then (None: nobody looked)."""

    since: float
    taken: int | None = None

    def looked(self, taken: int, now: float) -> "Stall":
        """What a look now comes to: any progress since the last one, however little, begins the time anew. So a client
        may get up to one interval between looks more than its time, and never less."""
        return self if taken == self.taken else Stall(now, taken)


class Channel:
    """Every method but `abort` raises `ClientGone` once the connection is over."""

    def __init__(self, stream: trio.abc.Stream, write_timeout: float) -> None:
        self.ended = False
        """The client sends no more."""
        self.gone = ""
        """Why the connection is over; empty while it is not."""
        self.over = trio.Event()
        self.sent = 0
        """Bytes handed over to the stream. What was on the way when it failed counts as far as the stream can tell."""
        self._stream = stream
        self._outlet = outlet(stream)
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
        """Hands `data` to the stream, and aborts the connection if the client takes nothing for too long."""
        if self.gone:
            raise ClientGone(self.gone)
        size = self._outlet.piece
        try:
            # A stack of ours keeps whole bytes as they are, and copies views.
            at = await self._send_some(data) if len(data) <= size else 0
            with memoryview(data) as view:
                while at < len(view):
                    at += await self._send_some(view[at : at + size])
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            raise self._lost() from error

    async def _send_some(self, data: bytes | memoryview) -> int:
        counts, timeout = self._outlet.counts, self._write_timeout
        interval = timeout / _LOOKS if counts else timeout
        now = trio.current_time()
        stall = Stall(now)
        while now < stall.since + timeout:
            with trio.CancelScope(deadline=min(now + interval, stall.since + timeout)):
                sent = await self._outlet.send_some(data)
                self.sent += sent
                return sent
            now = trio.current_time()
            if counts:
                stall = stall.looked(self._outlet.taken(), now)
        await self.abort(f"the client took nothing for {timeout:g} s")
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
