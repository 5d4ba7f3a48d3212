"""How a handler learns that its client has left."""

import logging
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import trio
import trio.testing
from http_exchange import CONFIG, NOW, get, run, start

from pystack.http import ClientGone, Exchange, HttpConfig, Response, plain, serve_connection

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
