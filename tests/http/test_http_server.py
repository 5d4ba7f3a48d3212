"""Many connections, and those that go wrong."""

import errno
import logging
import time
from collections.abc import Callable
from functools import partial

import pytest
import trio
import trio.testing
from http_exchange import CONFIG, Client, exchange, get, replies, run

from pystack.http import Drain, Exchange, HttpConfig, Response, serve_http


async def echo(exchange: Exchange) -> Response:
    """The target; a target of digits takes as many seconds."""
    request = exchange.request
    if request.path[1:].isdigit():
        await trio.sleep(int(request.path[1:]))
    return Response(200, body=request.target)


class MemoryListener(trio.abc.Listener[trio.abc.Stream]):
    def __init__(self) -> None:
        self._send, self._receive = trio.open_memory_channel[trio.abc.Stream | OSError](100)
        self.closed = False

    def connect(self) -> Client:
        client, server = trio.testing.memory_stream_pair()
        self.hand_over(server)
        return Client(client)

    def hand_over(self, what: trio.abc.Stream | OSError) -> None:
        self._send.send_nowait(what)

    async def accept(self) -> trio.abc.Stream:
        what = await self._receive.receive()
        if isinstance(what, OSError):
            raise what
        return what

    async def aclose(self) -> None:
        self.closed = True
        await trio.lowlevel.checkpoint()


class BadStream(trio.abc.ReceiveStream):
    def __init__(self, error: Exception) -> None:
        self._error = error

    async def receive_some(self, max_bytes: int | None = None) -> bytearray:
        raise self._error

    async def aclose(self) -> None:
        await trio.lowlevel.checkpoint()


def test_all_listeners_are_served_until_the_stop() -> None:
    async def main() -> None:
        listeners = [MemoryListener(), MemoryListener()]
        drain = Drain()
        async with trio.open_nursery() as nursery:
            assert await nursery.start(partial(serve_http, listeners, echo, CONFIG, drain=drain)) == listeners
            clients = [listener.connect() for listener in listeners for _ in range(10)]
            for number, client in enumerate(clients):
                assert (await client.ask(get(f"/x{number}"))).body == b"/x%d" % number
            await clients[3].stream.send_all(get("/7"))
            await trio.testing.wait_all_tasks_blocked()
            began = trio.current_time()
            drain.stop()
            reply = await clients[3].read()
            assert (reply.body, reply.closes) == (b"/7", True)
            await clients[3].stream.aclose()
        assert trio.current_time() - began == 7
        assert all(listener.closed for listener in listeners)
        for client in clients[:3] + clients[4:]:
            assert await client.stream.receive_some() == b""

    run(main)


def test_the_grace_time_is_the_caller_s() -> None:
    async def main() -> None:
        listener = MemoryListener()
        drain = Drain()
        client = listener.connect()
        await client.stream.send_all(get("/60"))
        began = trio.current_time()
        with trio.move_on_after(10) as scope:
            async with trio.open_nursery() as nursery:
                await nursery.start(partial(serve_http, [listener], echo, CONFIG, drain=drain))
                await trio.sleep(1)
                drain.stop()
                scope.deadline = trio.current_time() + 2
        assert trio.current_time() - began == 3
        assert await client.stream.receive_some() == b""

    run(main)


@pytest.mark.parametrize("error", [RuntimeError("x"), MemoryError(), OSError(errno.EIO, "x")])
def test_a_connection_that_fails_is_logged_and_harms_no_other(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        listener = MemoryListener()
        drain = Drain()
        async with trio.open_nursery() as nursery:
            await nursery.start(partial(serve_http, [listener], echo, CONFIG, drain=drain))
            before = listener.connect()
            assert (await before.ask(get("/a"))).body == b"/a"
            listener.hand_over(trio.StapledStream(trio.testing.MemorySendStream(), BadStream(error)))
            await trio.testing.wait_all_tasks_blocked()
            assert (await before.ask(get("/b"))).body == b"/b"
            assert (await listener.connect().ask(get("/c"))).body == b"/c"
            drain.stop()

    run(main)
    (record,) = caplog.records
    assert (record.name, record.message) == ("pystack.http", "a connection failed")
    assert record.exc_info
    assert record.exc_info[1] is error


@pytest.mark.parametrize("code", [errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS])
def test_a_full_house_pauses_and_goes_on(code: int, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, logger="trio.serve_listeners")

    async def main() -> None:
        listener = MemoryListener()
        drain = Drain()
        async with trio.open_nursery() as nursery:
            await nursery.start(partial(serve_http, [listener], echo, CONFIG, drain=drain))
            listener.hand_over(OSError(code, "full"))
            assert (await listener.connect().ask(get("/a"))).body == b"/a"
            drain.stop()

    run(main)


def test_a_listener_that_is_lost_is_an_error() -> None:
    async def main() -> None:
        listener = MemoryListener()
        listener.hand_over(OSError(errno.ENETDOWN, "the device is gone"))
        await serve_http([listener], echo, CONFIG)

    with pytest.raises(ExceptionGroup) as caught:
        run(main)
    assert caught.value.subgroup(lambda error: isinstance(error, OSError) and error.errno == errno.ENETDOWN)


def test_the_date_is_now_unless_someone_says_otherwise() -> None:
    before = int(time.time())
    (reply,) = replies(exchange(get(), echo, HttpConfig()))
    said = time.mktime(time.strptime(reply.headers["date"], "%a, %d %b %Y %H:%M:%S GMT")) - time.timezone
    assert before <= said <= time.time()


@pytest.mark.parametrize(
    "settings", [{"idle_timeout": -1}, {"linger_timeout": float("nan")}, {"max_head_size": 0}, {"max_target_size": -1}]
)
def test_settings_without_sense_are_refused(settings: dict[str, float]) -> None:
    make: Callable[..., HttpConfig] = HttpConfig
    with pytest.raises(ValueError, match=next(iter(settings))):
        make(**settings)
