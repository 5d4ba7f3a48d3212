"""How a handler learns that its client has left."""

import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest
import trio
import trio.testing
from http_exchange import CONFIG, NOW, exchange, get, read_all, replies, run, start

from pystack.http import ClientGone, Exchange, HttpConfig, RequestFailed, Response, hosted, plain, serve_connection

POST = get("/", "Content-Length: 10", method="POST")


def watched(act: Callable[[Any], Awaitable[None]], said: bytes = get(), answer_after: float = 1_000) -> float:
    """When `wait_gone` returns while the client does `act` after ten seconds."""

    async def main() -> float:
        returned = []
        noticed = trio.Event()

        async def watch(exchange: Exchange) -> None:
            await exchange.wait_gone()
            returned.append(trio.current_time())
            noticed.set()

        async def handler(exchange: Exchange) -> None:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(watch, exchange)
                with trio.move_on_after(answer_after):
                    await noticed.wait()
                await exchange.respond(plain(200))

        client, server = trio.testing.memory_stream_pair()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(serve_connection, server, handler, CONFIG)
            await client.send_all(said)
            await trio.sleep(10)
            await act(client)
        return returned[0]

    return run(main)  # type: ignore[no-any-return]


async def close(client: trio.abc.Stream) -> None:
    await client.aclose()


async def half_close(client: trio.abc.HalfCloseableStream) -> None:
    await client.send_eof()


def test_a_client_that_closes_is_noticed() -> None:
    assert watched(close) == 10
    assert watched(half_close) == 10


def test_watching_and_reading_share_what_comes() -> None:
    async def main() -> None:
        async def handler(exchange: Exchange) -> Response:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(exchange.wait_gone)
                await trio.testing.wait_all_tasks_blocked()
                body = await exchange.receive()
                nursery.cancel_scope.cancel()
            return Response(200, body=body)

        async with trio.open_nursery() as nursery:
            client = await start(nursery, handler)
            await client.stream.send_all(get("/", "Content-Length: 3"))
            await trio.sleep(1)
            assert (await client.ask(b"abc")).body == b"abc"
            assert trio.current_time() == 1
            await client.stream.aclose()

    run(main)


def test_watching_ends_with_the_response() -> None:
    assert watched(close, answer_after=3) == 3


def test_what_comes_behind_bytes_that_nobody_asked_for_is_not_seen() -> None:
    assert watched(close, get() * 2, answer_after=30) == 30


def test_a_handler_learns_that_the_client_is_gone(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    seen = []

    async def handler(exchange: Exchange) -> None:
        with pytest.raises(ClientGone) as caught:
            await exchange.receive()
        seen.append(caught.value)
        with pytest.raises(ClientGone):
            await exchange.respond(plain(200))

    config = HttpConfig(access_log=True, wall_clock=lambda: NOW)

    async def main() -> None:
        client, server = trio.testing.memory_stream_pair()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(serve_connection, server, handler, config)
            await client.send_all(POST)
            await trio.sleep(1)
            assert isinstance(server.receive_stream, trio.testing.MemoryReceiveStream)
            await server.aclose()  # as near to a RST as memory comes

    run(main)
    assert isinstance(seen[0], OSError)
    assert [record.message for record in caplog.records] == [
        '- - - [14/Nov/2023:22:13:20 +0000] "POST / HTTP/1.1" 499 - "-" "-" "the client is gone"'
    ]


@pytest.mark.parametrize("leave", [close, half_close])
@pytest.mark.parametrize("hosts", [False, True], ids=["handler", "application"])
@pytest.mark.parametrize(
    ("sends", "version", "line"),
    [(b"", "1.1", "499 -"), (b"abc", "1.1", "200 3"), (b"abc", "1.0", "200 3")],
    ids=["nothing", "chunks", "to the end"],
)
def test_who_was_told_may_leave_without_an_answer(
    leave: Callable[[Any], Awaitable[None]],
    hosts: bool,
    sends: bytes,
    version: str,
    line: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)

    async def handler(exchange: Exchange) -> None:
        if sends:
            exchange.start(200)
            await exchange.send(sends)
        await exchange.wait_gone()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        await receive()
        if sends:
            await send({"type": "http.response.start", "status": 200})
            await send({"type": "http.response.body", "body": sends, "more_body": True})
        assert await receive() == {"type": "http.disconnect"}

    async def main() -> bytes:
        client, server = trio.testing.memory_stream_pair()
        async with hosted(app) as hosting, trio.open_nursery() as nursery:
            nursery.start_soon(serve_connection, server, hosting if hosts else handler, config)
            await client.send_all(get(version=version))
            await trio.sleep(10)
            await leave(client)
        return b"" if leave is close else await read_all(client)

    config = HttpConfig(access_log=True, wall_clock=lambda: NOW)
    assert b"500" not in run(main)
    why = "the response was cut short" if version == "1.0" else "the client closed its side"
    (logged,) = [record.message for record in caplog.records if record.name == "pystack.http.access"]
    assert logged.endswith(f'"GET / HTTP/{version}" {line} "-" "-" "{why}"')
    assert [record for record in caplog.records if record.levelno > logging.INFO] == []


def test_who_was_not_told_owes_an_answer(caplog: pytest.LogCaptureFixture) -> None:
    async def handler(exchange: Exchange) -> None:
        await trio.sleep(1)

    (reply,) = replies(exchange(get(), handler))
    assert reply.status == 500
    assert [record.levelname for record in caplog.records] == ["ERROR"]


def test_a_body_that_was_refused_is_answered_also_by_who_was_told() -> None:
    async def handler(exchange: Exchange) -> None:
        with suppress(RequestFailed):
            while await exchange.receive():
                pass
        await exchange.wait_gone()

    (reply,) = replies(exchange(POST + b"short", handler))
    assert reply.status == 400
