"""ASGI 3 applications as handlers (the HTTP part of the specification, version 2.4), in trio.

What the specification leaves open: a small response is one write; `http.disconnect` comes when the response was handed
over, when the connection is over, or when the client closed its side (sending may still succeed then, and raises an
`OSError` once it cannot); a request body that is malformed, too large or too slow is a disconnect for the application
and a 400, 413 or 408 for the client.
"""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import unquote

import trio

from pystack.http.channel import ClientGone
from pystack.http.drain import Drain
from pystack.http.exchange import Exchange, Handler
from pystack.http.lifespan import VERSIONS, App, Message, lifespan
from pystack.http.request import Headers, Request, RequestFailed

logger = logging.getLogger("pystack.http")

_TRAILERS = "http.response.trailers"
_FRAMING_FIELDS = (b"content-length", b"transfer-encoding")


@asynccontextmanager
async def hosted(app: App, *, root_path: str = "", drain: Drain | None = None) -> AsyncIterator[Handler]:
    """Runs the lifespan of `app` around a handler that serves it.

    The application goes on after its response for as long as it likes (background tasks); its connection does not
    wait for that, but leaving this context does. `root_path` is where the application is mounted, without a slash at
    its end; clients do not send it. Where the end is a cancellation, the application still has 3 seconds to shut down,
    but none once `drain` (that of the server) was told to `abandon`. Raises what `lifespan` raises.
    """
    async with lifespan(app, drain or Drain()) as state, trio.open_nursery() as nursery:

        async def handler(exchange: Exchange) -> None:
            call = _Call(app, exchange, _scope(exchange, root_path, state))
            nursery.start_soon(call.run)
            await call.wait_released()

        yield handler


def _scope(exchange: Exchange, root_path: str, state: dict[str, Any]) -> dict[str, Any]:
    request, connection = exchange.request, exchange.connection
    return {
        "type": "http",
        "asgi": VERSIONS,
        "http_version": "1.0" if request.version == "1.0" else "1.1",
        "method": request.method.decode(),
        "scheme": "https" if isinstance(connection.stream, trio.SSLStream) else "http",
        "path": root_path + unquote(request.path.decode()),
        "raw_path": root_path.encode() + request.path,
        "query_string": request.query,
        "root_path": root_path,
        "headers": _headers(request),
        "client": connection.peer,
        "server": connection.local,
        "state": state.copy(),
        "extensions": {_TRAILERS: {}} if request.takes_trailers else {},
    }


def _headers(request: Request) -> list[tuple[bytes, bytes]]:
    """With the host that was really asked for (RFC 9112 section 3.2.2)."""
    return [(name, request.authority if name == b"host" else value) for name, value in request.headers]


class _Call:
    """One call of an application, for one request."""

    def __init__(self, app: App, exchange: Exchange, scope: dict[str, Any]) -> None:
        self._app = app
        self._exchange = exchange
        self._scope = scope
        self._received = 0
        self._body_ended = False
        self._start: tuple[int, Headers, int | None] | None = None
        self._begun = False
        self._wants_trailers = False
        self._trailers: list[tuple[bytes, bytes]] = []
        self._cancel_scope = trio.CancelScope()
        self._released = trio.Event()
        self._error: Exception | None = None

    async def run(self) -> None:
        """The task of the application."""
        try:
            with self._cancel_scope:
                await self._app(self._scope, self._receive, self._send)
        except Exception as error:
            if not self._released.is_set():
                self._error = error
            elif self._exchange.gone:
                logger.debug("the application failed after its client had left", exc_info=True)
            else:
                logger.exception("the application failed after its response")
        self._released.set()

    async def wait_released(self) -> None:
        """Returns when the connection need not wait for the application any more. Raises what that raised, which is
        for the connection to answer. If this is cancelled, so is the application."""
        try:
            await self._released.wait()
        except trio.Cancelled:
            self._cancel_scope.cancel()
            raise
        if self._error is not None:
            raise self._error

    # What the application calls

    async def _receive(self) -> Message:
        exchange = self._exchange
        if not (self._body_ended or exchange.complete):
            try:
                return await self._receive_body()
            except (RequestFailed, ClientGone):
                self._body_ended = True
                return {"type": "http.disconnect"}
        await exchange.wait_gone()
        await trio.lowlevel.checkpoint()
        return {"type": "http.disconnect"}

    async def _receive_body(self) -> Message:
        length = self._exchange.request.length
        body = b"" if length == 0 else await self._exchange.receive()
        self._received += len(body)
        self._body_ended = not body or self._received == length
        return {"type": "http.request", "body": body, "more_body": not self._body_ended}

    async def _send(self, message: Message) -> None:
        try:
            if self._exchange.gone:
                raise ClientGone(self._exchange.gone)
            await self._take(message)
        except ClientGone:
            self._released.set()
            raise
        if self._exchange.complete:
            self._released.set()

    async def _take(self, message: Message) -> None:
        exchange, kind = self._exchange, message["type"]
        if exchange.complete:
            raise RuntimeError(f"{kind} after the end of the response")
        if kind == "http.response.start" and self._start is None:
            self._start = _head(message)
            self._wants_trailers = bool(message.get("trailers", False))
        elif kind == "http.response.body" and self._start is not None:
            await self._send_body(self._start, message.get("body", b""), bool(message.get("more_body", False)))
        elif kind == _TRAILERS and self._begun and self._wants_trailers:
            self._trailers += _fields(message.get("headers", ()))
            if not message.get("more_trailers", False):
                await exchange.end(tuple(self._trailers))
        else:
            raise RuntimeError(f"{kind} has no place here")

    async def _send_body(self, head: tuple[int, Headers, int | None], body: bytes, more: bool) -> None:
        exchange = self._exchange
        status, headers, length = head
        last = not (more or self._wants_trailers)
        if not self._begun:
            if last:
                if body and length not in (None, len(body)):
                    raise ValueError(f"a body of {len(body)} bytes is not {length} bytes long")
                if length is None and exchange.request.method != b"HEAD":
                    length = len(body)
                await exchange.settle()
            exchange.start(status, headers, length)
            self._begun = True
            if body or not last:
                await exchange.send(body)
        elif body:
            await exchange.send(body)
        if last:
            await exchange.end()


def _head(message: Message) -> tuple[int, Headers, int | None]:
    """Status, fields and length of a response. How it is framed is the server's business."""
    fields = _fields(message.get("headers", ()))
    lengths = [value for name, value in fields if name.lower() == b"content-length"]
    if len(lengths) > 1:
        raise ValueError("a response has one Content-Length")
    length = int(lengths[0]) if lengths else None
    return message["status"], tuple(field for field in fields if field[0].lower() not in _FRAMING_FIELDS), length


def _fields(headers: Any) -> list[tuple[bytes, bytes]]:
    return [(bytes(name), bytes(value)) for name, value in headers]
