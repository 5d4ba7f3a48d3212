"""One connection of a client, from its first byte to the last FIN. Requests are answered one by one, in order.

An `Upgrade` is ignored, as RFC 9110 section 7.8 allows. The place to take one is `_answer`, before the handler is
asked: the request is known, and what the client sent ahead is still in the parser.
"""

import logging
from http import HTTPStatus

import trio

from pystack.http.accesslog import log_response
from pystack.http.channel import Channel, ClientGone
from pystack.http.config import HttpConfig
from pystack.http.drain import Drain
from pystack.http.exchange import ConnectionInfo, Exchange, Handler
from pystack.http.inbound import Inbound
from pystack.http.request import Request, RequestFailed
from pystack.http.response import Response, frame, plain
from pystack.http.transfer import BodyFailed, Transfer

logger = logging.getLogger("pystack.http")

_CLIENT_CLOSED_REQUEST = 499  # in the log only: no status was sent (nginx's number for it)
_CUT_SHORT = "the response was cut short"


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
        self._channel = Channel(stream, config.write_timeout)
        self._inbound = Inbound(self._channel, config, drain)

    async def run(self) -> None:
        # What a handler raises never gets here, so that these errors always speak of the client.
        async with self._stream:
            try:
                while await self._serve_request():
                    pass
                if not self._channel.gone:
                    idle = self._inbound.stopped_while_idle
                    await self._channel.say_goodbye(0 if idle else self._config.linger_timeout)
            except ClientGone:
                pass
            if self._channel.gone:
                logger.debug("connection with %s ended: %s", self._info.peer, self._channel.gone)

    async def _serve_request(self) -> bool:
        """Answers the next request. True if another one may follow."""
        try:
            request = await self._inbound.next_request()
        except RequestFailed as failure:
            await self._refuse(failure)
            return False
        if request is None:
            return False
        exchange = Exchange(request, self._info, self._channel, self._inbound, self._config, self._drain)
        try:
            await self._answer(exchange)
        finally:
            self._log_exchange(exchange)
        if not exchange.keeps_connection:
            return False
        try:
            await exchange.settle()
        except RequestFailed:
            return False
        return exchange.keeps_connection

    async def _answer(self, exchange: Exchange) -> None:
        try:
            exchange.check_size(exchange.request.length or 0)
            response = await self._handler(exchange)
            if response is not None:
                if not isinstance(response, Response):
                    raise TypeError(f"a handler returns a Response, or None, not {response!r}")
                await exchange.respond(response)
            elif exchange.client_left and exchange.failure is None:
                await self._break_off(exchange)  # nothing, if the response is complete
            elif not exchange.complete:
                raise TypeError("a handler returned without a response")
        except Exception as error:
            if self._channel.gone:
                raise ClientGone(self._channel.gone) from error
            if exchange.started:
                await self._cut_short(exchange, error)
            else:
                await self._apologize(exchange, error)

    async def _apologize(self, exchange: Exchange, error: Exception) -> None:
        """What goes wrong before a response began has a status."""
        failure = error if isinstance(error, RequestFailed) else exchange.failure
        exchange.start_over()
        if failure is None:
            logger.exception("%s: the handler failed", _describe(exchange.request))
        try:
            await exchange.respond(_answer_to(failure))
        except RequestFailed as found:  # in what was left of the body, of which nothing more will be read now
            await exchange.respond(_answer_to(failure or found))

    async def _cut_short(self, exchange: Exchange, error: Exception) -> None:
        """What goes wrong later ends the connection, so that the client cannot take a part for the whole."""
        if exchange.complete:
            logger.exception("%s: the handler failed after its response", _describe(exchange.request))
            return
        if isinstance(error, BodyFailed):
            logger.warning("connection ended within %s: %s", _describe(exchange.request), error)
        elif exchange.failure is None:
            logger.exception("connection ended within %s: the handler failed", _describe(exchange.request))
        await self._break_off(exchange)

    async def _break_off(self, exchange: Exchange) -> None:
        if not exchange.can_end_in_order:
            await self._channel.abort(_CUT_SHORT)

    async def _refuse(self, failure: RequestFailed) -> None:
        """Answers what is no request."""
        response = plain(failure.status, failure.detail)
        body = response.body
        assert isinstance(body, bytes)
        framing = frame(response.status, response.headers, len(body), request=None, close=True, config=self._config)
        transfer = Transfer(self._channel, framing)
        try:
            await transfer.run(body)
        finally:
            self._log(None, response.status, transfer.body_sent, "" if transfer.complete else _CUT_SHORT)

    def _log_exchange(self, exchange: Exchange) -> None:
        cut = "" if exchange.complete else "the client closed its side" if exchange.client_left else _CUT_SHORT
        if exchange.started:
            self._log(exchange.request, exchange.status, exchange.body_sent, cut)
        elif self._channel.gone or exchange.client_left:
            self._log(exchange.request, _CLIENT_CLOSED_REQUEST, 0, cut)

    def _log(self, request: Request | None, status: int, body_sent: int, cut: str) -> None:
        if self._config.access_log:
            peer = self._info.peer[0] if self._info.peer else None
            why = cut and (self._channel.gone or cut)
            log_response(peer, request, status, body_sent, self._config.wall_clock(), why)


def _answer_to(failure: RequestFailed | None) -> Response:
    return plain(HTTPStatus.INTERNAL_SERVER_ERROR) if failure is None else plain(failure.status, failure.detail)


def _describe(request: Request) -> str:
    return f"{request.method.decode()} {request.target!r}"
