"""Sending one response: head and body joined where they fit, the announced length kept or the connection ended."""

from collections.abc import AsyncIterator
from contextlib import aclosing

import trio

from pystack.http.response import ByteStream, Framing

# Up to this size copying head and body together is cheaper than a second send.
_JOIN_SIZE = 262_144


class BodyFailed(Exception):
    """The body of a response broke its promise: it raised, ended early, or did not end in time."""


class Transfer:
    """The way of one response to `stream`.

    `run` raises `BodyFailed` for what the body does wrong, and what `stream.send_all` raises. If the head is already
    out by then (`started`), the only honest answer left is to end the connection (RFC 9112 section 8).
    """

    def __init__(self, stream: trio.abc.SendStream, framing: Framing) -> None:
        self.started = False
        self.body_sent = 0
        """Bytes of the body handed to the stream, without transfer coding."""
        self._stream = stream
        self._framing = framing
        self._unsent_head = framing.head

    async def run(self, body: bytes | ByteStream) -> None:
        """Sends the head, and `body` where the framing says that there is one; closes the body in any case."""
        if isinstance(body, bytes):
            body = body if self._framing.has_body else b""
            await self._send(body)
            self.body_sent = len(body)
            return
        async with aclosing(body):
            if self._framing.has_body:
                await self._send_pieces(aiter(body))
            else:
                await self._send(b"")

    async def _send_pieces(self, pieces: AsyncIterator[bytes]) -> None:
        length = self._framing.length
        while (piece := await _next_piece(pieces)) is not None:
            if length is not None and self.body_sent + len(piece) > length:
                raise BodyFailed(f"the body is longer than the {length} bytes announced")
            if piece:  # an empty chunk would be the last one
                await self._send(b"%x\r\n%s\r\n" % (len(piece), piece) if self._framing.chunked else piece)
                self.body_sent += len(piece)
        if length is not None and self.body_sent < length:
            raise BodyFailed(f"the body ended after {self.body_sent} of the {length} bytes announced")
        await self._send(b"0\r\n\r\n" if self._framing.chunked else b"")

    async def _send(self, data: bytes) -> None:
        head, self._unsent_head = self._unsent_head, b""
        if head and len(data) <= _JOIN_SIZE:
            head, data = b"", head + data
        self.started = True
        for part in (head, data):
            if part:
                await self._stream.send_all(part)


async def _next_piece(pieces: AsyncIterator[bytes]) -> bytes | None:
    """What goes wrong in making a piece becomes `BodyFailed`, to tell it from what goes wrong in sending one."""
    try:
        piece = await anext(pieces, None)
    except Exception as error:
        raise BodyFailed(f"the body raised {error!r}") from error
    if not isinstance(piece, bytes | None):
        raise BodyFailed(f"the body gave {type(piece).__name__} in place of bytes")
    return piece
