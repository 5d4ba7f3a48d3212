"""One request and its response, as a handler sees them."""

from collections.abc import Awaitable, Callable
from contextlib import aclosing, nullcontext, suppress
from dataclasses import dataclass
from http import HTTPStatus

import trio

from pystack.http.channel import Channel, ClientGone
from pystack.http.config import HttpConfig
from pystack.http.drain import Drain
from pystack.http.inbound import Inbound
from pystack.http.request import End, Headers, Request, RequestFailed
from pystack.http.response import Response, check_fields, check_head, frame
from pystack.http.transfer import Transfer

_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


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


class Exchange:
    """One request, and the one response to it.

    A handler returns a `Response`, or answers by itself (`respond`, or `start`, `send` and `end`) and returns None.
    Before that, or meanwhile, it may `receive` the body.

    `receive` raises `RequestFailed` for a body that is malformed (400), too large (413) or too slow (408); a handler
    that lets it pass answers with that status. All that reads or writes raises `ClientGone`, an `OSError`, once the
    connection is over; a handler lets that pass too.
    """

    def __init__(
        self,
        request: Request,
        connection: ConnectionInfo,
        channel: Channel,
        inbound: Inbound,
        config: HttpConfig,
        drain: Drain,
    ) -> None:
        self.request = request
        self.connection = connection
        self.trailers: Headers = ()
        """What came behind a chunked body, once `receive` said that there is no more."""
        self.status = 0
        """That of the response; 0 before it began."""
        self.failure: RequestFailed | None = None
        """Why the body cannot be read."""
        self.client_left = False
        """The handler was told, by `wait_gone`, that the client has closed its side or is gone."""
        self._channel = channel
        self._inbound = inbound
        self._config = config
        self._drain = drain
        self._close = not request.keep_alive
        self._received = 0
        self._body_ended = False
        self._owes_continue = request.expect_continue
        self._head: tuple[int, Headers, int | None] | None = None
        self._transfer: Transfer | None = None
        self._watching: set[trio.CancelScope] = set()

    # The request's body

    async def receive(self) -> bytes:
        """The next bytes of the request's body, as they come; b"" at its end.

        Nothing of it is read from the client, but for one read ahead, before someone asks here. A client that waits for
        leave to send it (`Expect: 100-continue`) gets that leave at the first call.
        """
        if self.failure is not None:
            raise self.failure
        if self._body_ended:
            return b""
        try:
            if self._owes_continue and not self.started:
                self._owes_continue = False
                await self._channel.send(_CONTINUE)
            event = await self._inbound.next_of_body()
            if isinstance(event, End):
                self.trailers = event.trailers
                self._body_ended = True
                return b""
            self._received += len(event)
            self.check_size(self._received)
        except RequestFailed as failure:
            self.failure = failure
            raise
        return event

    def check_size(self, size: int) -> None:
        """Raises `RequestFailed` if a body of `size` bytes is too large."""
        limit = self._config.max_body_size
        if limit and size > limit:
            raise RequestFailed(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a body may have {limit} bytes")

    # The response

    @property
    def started(self) -> bool:
        """Something of the response is on its way, so that there can be no other one."""
        return self._transfer is not None and self._transfer.started

    @property
    def complete(self) -> bool:
        """All of the response was handed over."""
        return self._transfer is not None and self._transfer.complete

    @property
    def body_sent(self) -> int:
        """Bytes of the response's body that were handed over, without transfer coding."""
        return self._transfer.body_sent if self._transfer is not None else 0

    async def respond(self, response: Response) -> None:
        """Answers with `response`, and closes its body if that is a stream.

        What was not read of the request's body is read first, within limits: a client that sends all before it reads
        anything can then do so, and a body that turns out to be malformed is still refused (`RequestFailed`). Raises
        `BodyFailed` where the response's body breaks its promise.
        """
        async with nullcontext() if isinstance(response.body, bytes) else aclosing(response.body):
            self._check_unanswered()
            await self.settle()
            length = len(response.body) if isinstance(response.body, bytes) else response.length
            await self._begin(response.status, response.headers, length).run(response.body)
        self._end_watches()

    def start(self, status: int, headers: Headers = (), length: int | None = None) -> None:
        """Begins a response that is sent piece by piece; the arguments are those of `Response`. The head travels with
        the first piece. Raises `ValueError` as `Response` does."""
        check_head(status, headers, length)
        self._check_unanswered()
        self._head = (status, headers, length)

    async def send(self, data: bytes | bytearray | memoryview) -> None:
        """Hands a piece of the body to the stream, and returns when that has room for more. An empty piece sends the
        head. Raises `BodyFailed` for more bytes than announced."""
        await self._under_way().send(data if isinstance(data, bytes) else bytes(data))

    async def end(self, trailers: Headers = ()) -> None:
        """Ends the response. Trailers are left out where the client did not ask for them (`TE: trailers`) or the body
        goes without chunks. Raises `ValueError` for those that cannot travel, `BodyFailed` for a body that is short."""
        check_fields(trailers)
        await self._under_way().end(trailers)
        self._end_watches()

    async def wait_gone(self) -> None:
        """Returns once the client has closed its side or the connection is over; and when the response is complete, as
        nobody waits for it any more.

        A client that only said all that it has to say looks the same: sending to it may still succeed. One that left
        behind more bytes than were asked for is noticed when sending fails. A handler that was told may return None,
        with its response unfinished or not begun: the connection ends, and that is no error.
        """
        if self.complete:
            return
        with trio.CancelScope() as scope:
            self._watching.add(scope)
            try:
                with suppress(ClientGone):
                    await self._inbound.wait_end()
                self.client_left = True
            finally:
                self._watching.discard(scope)

    # For those who drive it

    @property
    def gone(self) -> str:
        """Why the connection is over; empty while it is not."""
        return self._channel.gone

    def start_over(self) -> None:
        """Forgets a response of which nothing was sent yet."""
        assert not self.started
        self._transfer = self._head = None

    async def settle(self) -> None:
        """Reads what the handler left of the body, or decides that the connection ends. May raise `RequestFailed`."""
        if self._body_ended:
            return
        left = (self.request.length or 0) - self._received
        if self._owes_continue or self.failure is not None or left > self._config.max_drain_size:
            self._close = True
        else:
            try:
                self._close = not await self._inbound.discard_body() or self._close
            except RequestFailed as failure:
                self.failure = failure
                raise
        self._body_ended = True

    @property
    def keeps_connection(self) -> bool:
        """Another request may follow."""
        return self.complete and not self._close

    @property
    def can_end_in_order(self) -> bool:
        """A client that sees the connection end will know whether the response was whole."""
        return self._transfer is None or self.complete or not self._transfer.framing.ends_with_connection

    def _begin(self, status: int, headers: Headers, length: int | None) -> Transfer:
        framing = frame(
            status,
            headers,
            length,
            request=self.request,
            close=self._close or self._drain.stopping,
            config=self._config,
        )
        self._close = framing.close
        self.status = status
        self._transfer = Transfer(self._channel, framing)
        return self._transfer

    def _under_way(self) -> Transfer:
        if self._transfer is None:
            if self._head is None:
                raise RuntimeError("the response has not begun")
            # Only now: until here the body could be asked for, and with it the way to the next request be found.
            self._close = self._close or self._owes_continue or self.failure is not None
            return self._begin(*self._head)
        if self.complete:
            raise RuntimeError("the response has ended")
        return self._transfer

    def _check_unanswered(self) -> None:
        if self._transfer is not None or self._head is not None:
            raise RuntimeError("the response has begun already")

    def _end_watches(self) -> None:
        for scope in self._watching:
            scope.cancel()


Handler = Callable[[Exchange], Awaitable[Response | None]]


def _address(sock: object, method: str) -> tuple[str, int] | None:
    try:
        address = getattr(sock, method)()
    except (AttributeError, OSError):  # no socket, or its client has left already
        return None
    return (address[0], address[1]) if isinstance(address, tuple) else None
