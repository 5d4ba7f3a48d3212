"""The requests of one client, in time, and no sooner than someone asks for them."""

import math
from http import HTTPStatus

import trio

from pystack.http.channel import Channel
from pystack.http.config import HttpConfig
from pystack.http.drain import Drain
from pystack.http.parser import RequestParser
from pystack.http.request import End, Request, RequestFailed


class Inbound:
    """The receiving half of one connection.

    Nothing is read before someone waits for it, and never more than one read ahead of what was asked for. Every
    method raises `RequestFailed` for what the client does wrong or too late, and `ClientGone`.
    """

    def __init__(self, channel: Channel, config: HttpConfig, drain: Drain) -> None:
        self.stopped_while_idle = False
        """The server was told to stop while no request was under way."""
        self._channel = channel
        self._config = config
        self._drain = drain
        self._parser = RequestParser(config)
        self._turn = trio.Lock()
        self._reads = 0

    async def next_request(self) -> Request | None:
        """The next head; None where the client has no more, is idle for too long, or is idle when the server stops."""
        event = self._parser.next_event()
        if isinstance(event, Request):
            return event
        began = False
        with trio.CancelScope(deadline=_deadline(self._config.idle_timeout)) as scope:
            while event is None:
                if not began and not self._parser.between_requests:
                    began = True
                    scope.deadline = _deadline(self._config.header_timeout)
                if self._channel.ended or not await self._read_for_head():
                    return None
                event = self._parser.next_event()
        if scope.cancelled_caught:
            if began:
                raise RequestFailed(HTTPStatus.REQUEST_TIMEOUT, "the request head did not come in time")
            return None
        assert isinstance(event, Request)
        return event

    async def next_of_body(self) -> bytes | End:
        """More of the body of the request that came last, or its end."""
        event = self._parser.next_event()
        while event is None:
            with trio.move_on_after(self._config.body_timeout or math.inf) as scope:
                await self._read()
            if scope.cancelled_caught:
                raise RequestFailed(HTTPStatus.REQUEST_TIMEOUT, "the request body did not come in time")
            event = self._parser.next_event()
        assert not isinstance(event, Request)
        return event

    async def discard_body(self) -> bool:
        """Reads the rest of a body and drops it, within the limits. True if its end was reached."""
        left = self._config.max_drain_size
        event = self._parser.next_event()
        if isinstance(event, End):
            return True
        with trio.move_on_after(self._config.linger_timeout):
            while not isinstance(event, End):
                if isinstance(event, bytes):
                    left -= len(event)
                    if left < 0:
                        return False
                else:
                    await self._read()
                event = self._parser.next_event()
            return True
        return False

    async def wait_end(self) -> None:
        """Returns when the client has closed its side, or the connection is over. What is behind bytes that nobody has
        asked for cannot be seen."""
        while not (self._channel.ended or self._channel.gone):
            if self._parser.buffered:
                await self._channel.over.wait()
            else:
                await self._read()

    async def _read(self) -> None:
        """One read; where another task is reading already, that one's."""
        reads = self._reads
        async with self._turn:
            if self._reads != reads or self._channel.ended:
                return
            data = await self._channel.receive()
            self._reads += 1
            if data:
                self._parser.feed(data)
            else:
                self._parser.feed_eof()

    async def _read_for_head(self) -> bool:
        """False if the server stopped before a request began."""
        if not self._parser.between_requests:
            await self._read()
            return True
        stopped = True
        with self._drain.idle():
            await self._read()
            stopped = False
        self.stopped_while_idle = stopped
        return not stopped


def _deadline(seconds: float) -> float:
    return trio.current_time() + seconds if seconds else math.inf
