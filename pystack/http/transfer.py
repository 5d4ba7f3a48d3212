"""Sending one response: head and body joined where they fit, the announced length kept or the connection ended."""

from collections.abc import AsyncIterator

from pystack.http.channel import Channel
from pystack.http.request import Headers
from pystack.http.response import ByteStream, Framing

# Up to this size copying head and body together is cheaper than a second send.
_JOIN_SIZE = 262_144


class BodyFailed(Exception):
    """The body of a response broke its promise: it raised, was too long or too short, or was not bytes."""


class Transfer:
    """The way of one response into `channel`, piece by piece.

    The methods raise `BodyFailed` for a body that is not what `framing` announced, and `ClientGone`. If the head is
    already out by then (`started`), the only honest answer left is to end the connection (RFC 9112 section 8).
    """

    def __init__(self, channel: Channel, framing: Framing) -> None:
        self.started = False
        self.complete = False
        self.body_sent = 0
        """Bytes of the body handed to the stream, without transfer coding; of a piece that was cut, those that were."""
        self.framing = framing
        self._channel = channel
        self._unsent_head = framing.head

    async def send(self, data: bytes) -> None:
        """Sends the head, if that was not done yet, and `data` where the framing says that there is a body."""
        framing = self.framing
        if not framing.has_body:
            await self._write(b"")
            return
        size = self.body_sent + len(data)
        if framing.length is not None and size > framing.length:
            raise BodyFailed(f"the body is longer than the {framing.length} bytes announced")
        before, ahead, sent = self.body_sent, len(self._unsent_head), self._channel.sent
        try:
            if framing.chunked and data:  # an empty chunk would be the last one
                prefix = b"%x\r\n" % len(data)
                ahead += len(prefix)
                await self._write(b"%s%s\r\n" % (prefix, data))
            else:
                await self._write(data)
        finally:
            self.body_sent = before + max(0, min(len(data), self._channel.sent - sent - ahead))

    async def end(self, trailers: Headers = ()) -> None:
        """The end of the body. The trailers go only where the framing has room for them and the client wants any."""
        framing = self.framing
        if framing.has_body and framing.length is not None and self.body_sent < framing.length:
            raise BodyFailed(f"the body ended after {self.body_sent} of the {framing.length} bytes announced")
        if framing.has_body and framing.chunked:
            fields = b"".join(b"%s: %s\r\n" % field for field in trailers) if framing.trailers else b""
            await self._write(b"0\r\n%s\r\n" % fields)
        else:
            await self._write(b"")
        self.complete = True

    async def run(self, body: bytes | ByteStream) -> None:
        """All of a body, and its end."""
        if isinstance(body, bytes):
            await self.send(body)
        elif self.framing.has_body:
            pieces = aiter(body)
            while (piece := await _next_piece(pieces)) is not None:
                if piece:
                    await self.send(piece)
        await self.end()

    async def _write(self, data: bytes) -> None:
        head, self._unsent_head = self._unsent_head, b""
        if head and len(data) <= _JOIN_SIZE:
            head, data = b"", head + data
        self.started = True
        for part in (head, data):
            if part:
                await self._channel.send(part)


async def _next_piece(pieces: AsyncIterator[bytes]) -> bytes | None:
    """What goes wrong in making a piece becomes `BodyFailed`, to tell it from what goes wrong in sending one."""
    try:
        piece = await anext(pieces, None)
    except Exception as error:
        raise BodyFailed(f"the body raised {error!r}") from error
    if not isinstance(piece, bytes | None):
        raise BodyFailed(f"the body gave {type(piece).__name__} in place of bytes")
    return piece
