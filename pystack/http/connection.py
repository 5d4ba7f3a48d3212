"""One connection of a client, from its first byte to the last FIN.

Requests are answered one after the other, in order. The body of a request is read and dropped before its handler is
asked: a client that sends all before it reads anything then never deadlocks with us, and a body that turns out to be
malformed is a 400. The exception is `Expect: 100-continue`: the client learns the final answer without sending its
body, and as both sides may then disagree about where the next request begins, the connection ends.
"""

import logging
import math
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from http import HTTPStatus

import trio

from pystack.http.accesslog import log_response
from pystack.http.config import HttpConfig
from pystack.http.drain import Drain
from pystack.http.parser import Data, End, Event, Failure, Headers, Request, RequestParser
from pystack.http.response import Framing, Response, frame, http_date, plain
from pystack.http.transfer import BodyFailed, Transfer

logger = logging.getLogger("pystack.http")

RECEIVE_SIZE = 65_536


@dataclass(frozen=True, slots=True)
class ConnectionInfo:
    """What a handler may know of the connection that a request came over."""

    stream: trio.abc.Stream
    """To look at (`stream.socket.tcp_info()`), not to read or write."""
    peer: tuple[str, int] | None
    """The client's address and port, or None where the stream has none."""
    local: tuple[str, int] | None

    @classmethod
    def of(cls, stream: trio.abc.Stream) -> "ConnectionInfo":
        """Asks the stream's socket, if it has one."""
        sock = getattr(stream, "socket", None)
        return cls(stream, _address(sock, "getpeername"), _address(sock, "getsockname"))


Handler = Callable[[Request, ConnectionInfo], Awaitable[Response]]


async def serve_connection(
    stream: trio.abc.Stream, handler: Handler, config: HttpConfig, *, drain: Drain | None = None
) -> None:
    """Answers requests on `stream` until either side has enough, and closes it.

    A handler that raises costs its client a 500 and leaves a line on the logger `pystack.http`. A client that
    disappears is no error. `drain` ends the connection gracefully; cancelling ends it at once.
    """
    await _Connection(stream, handler, config, drain or Drain()).run()


class _Connection:
    def __init__(self, stream: trio.abc.Stream, handler: Handler, config: HttpConfig, drain: Drain) -> None:
        self._stream = stream
        self._handler = handler
        self._config = config
        self._drain = drain
        self._info = ConnectionInfo.of(stream)
        self._parser = RequestParser(config)
        self._client_is_done = False
        self._stopped_while_idle = False

    async def run(self) -> None:
        # What a handler raises never gets here, so that these errors always speak of the client.
        try:
            async with self._stream:
                while await self._serve_request():
                    pass
                await self._say_goodbye()
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            logger.debug("the client is gone: %r", error)
        except BodyFailed:
            pass  # logged already; the client sees the connection end before the body does

    async def _serve_request(self) -> bool:
        """Answers the next request. True if another one may follow."""
        event = await self._next_event()
        request = None
        if isinstance(event, Request):
            request = event
            if not (request.expect_continue and request.has_body):
                event = await self._discard_body()
        if event is None:
            return False
        if isinstance(event, Failure):
            return await self._respond(request, plain(event.status, event.detail), close=True)
        assert request is not None  # the parser begins every message with its Request
        left_unread = event is request
        response = await self._ask_handler(request)
        return await self._respond(request, response, close=left_unread or not request.keep_alive)

    # In

    async def _next_event(self) -> Event | None:
        """What the client says next; None once it says no more, is silent for too long, or is idle when we stop."""
        events = self._parser.events
        if not events:
            with trio.move_on_after(self._config.idle_timeout or math.inf):
                while not events and not self._client_is_done:
                    data = None
                    with self._idle_scope():
                        data = await self._stream.receive_some(RECEIVE_SIZE)
                    if data is None:
                        self._stopped_while_idle = True
                        return None
                    if data:
                        self._parser.feed(data)
                    else:
                        self._client_is_done = True
                        self._parser.feed_eof()
        return events.popleft() if events else None

    def _idle_scope(self) -> AbstractContextManager[None]:
        return self._drain.idle() if self._parser.between_requests else nullcontext()

    async def _discard_body(self) -> End | Failure | None:
        while True:
            match await self._next_event():
                case Data():
                    continue
                case End() | Failure() | None as event:
                    return event
                case Request():
                    raise AssertionError("a request began inside another one")

    # Out

    async def _ask_handler(self, request: Request) -> Response:
        try:
            response = await self._handler(request, self._info)
            if not isinstance(response, Response):
                raise TypeError(f"a handler returns a Response, not {response!r}")
        except Exception:
            self._log_failure("the handler failed", request)
            return plain(HTTPStatus.INTERNAL_SERVER_ERROR)
        return response

    async def _respond(self, request: Request | None, response: Response, *, close: bool) -> bool:
        """Sends `response`, and says whether the connection goes on after it."""
        framing = self._frame(request, response, close)
        transfer = Transfer(self._stream, framing)
        try:
            await transfer.run(response.body)
        except BodyFailed as error:
            if not transfer.started:
                self._log_failure("the body of a response failed", request)
                return await self._respond(request, plain(HTTPStatus.INTERNAL_SERVER_ERROR), close=close)
            logger.warning("connection ended within %s: %s", _describe(request), error)
            raise
        finally:
            if transfer.started and self._config.access_log:
                peer = self._info.peer[0] if self._info.peer else None
                log_response(peer, request, response.status, transfer.body_sent, self._config.wall_clock())
        return not framing.close

    def _frame(self, request: Request | None, response: Response, close: bool) -> Framing:
        config = self._config
        defaults: Headers = ((b"Date", http_date(int(config.wall_clock()))),)
        if config.server_name:
            defaults += ((b"Server", config.server_name.encode()),)
        return frame(
            response,
            method=request.method if request else b"",
            version=request.version if request else "1.1",
            close=close or self._drain.stopping,
            defaults=defaults,
        )

    async def _say_goodbye(self) -> None:
        """FIN first, then read the client out: closing with unread bytes would send a RST, and a RST makes the client's
        kernel throw away the end of the response that it has not read yet (RFC 9112 section 9.6)."""
        if not isinstance(self._stream, trio.abc.HalfCloseableStream):
            return
        await self._stream.send_eof()
        if self._client_is_done or self._stopped_while_idle:
            return
        with trio.move_on_after(self._config.linger_timeout):
            while await self._stream.receive_some(RECEIVE_SIZE):
                pass

    def _log_failure(self, what: str, request: Request | None) -> None:
        logger.exception("%s: %s", _describe(request), what)


def _describe(request: Request | None) -> str:
    return f"{request.method.decode()} {request.target!r}" if request else "a bad request"


def _address(sock: object, method: str) -> tuple[str, int] | None:
    try:
        address = getattr(sock, method)()
    except (AttributeError, OSError):  # no socket, or its client has left already
        return None
    return (address[0], address[1]) if isinstance(address, tuple) else None
