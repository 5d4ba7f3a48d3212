"""The end of a request for an ASGI application: work that goes on behind it, and clients that leave."""

from contextlib import suppress
from typing import Any

import pytest
import trio
import trio.testing
from http_asgi import OK, hello
from http_exchange import CONFIG, Client, get, run

from pystack.http import hosted, serve_connection


def test_background_work_does_not_hold_the_connection() -> None:
    done = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await hello(scope, receive, send)
        assert await receive() == {"type": "http.disconnect"}
        await trio.sleep(100)
        done.append(trio.current_time())

    async def main() -> None:
        async with hosted(app) as handler, trio.open_nursery() as nursery:
            client, server = trio.testing.memory_stream_pair()
            nursery.start_soon(serve_connection, server, handler, CONFIG)
            for _ in range(3):
                assert (await Client(client).ask(get())).body == b"hello"
            await client.aclose()
        assert done == [100] * 3

    run(main)


def test_a_connection_that_is_cancelled_takes_its_application_along() -> None:
    ended = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        try:
            await trio.sleep(1_000)
        finally:
            ended.append(trio.current_time())

    async def main() -> None:
        client, server = trio.testing.memory_stream_pair()
        async with hosted(app) as handler:
            with trio.move_on_after(5):
                await client.send_all(get())
                await serve_connection(server, handler, CONFIG)
        assert ended == [5]

    run(main)


def gone_while(app: Any, said: bytes, *, reset: bool = True) -> None:
    """Lets the client leave after ten seconds, with a RST or a FIN, while `app` is at work."""

    async def main() -> None:
        client, server = trio.testing.memory_stream_pair()
        async with hosted(app) as handler:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(serve_connection, server, handler, CONFIG)
                await client.send_all(said)
                await trio.sleep(10)
                await client.aclose()
                if reset:
                    await server.send_stream.aclose()  # as near to a RST as memory comes
            assert trio.current_time() < 25  # the connection does not wait for what the application does then

    run(main)


def test_a_disconnect_comes_when_the_client_has_left_and_no_sooner() -> None:
    seen = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        assert (await receive())["type"] == "http.request"
        assert await receive() == {"type": "http.disconnect"}
        assert await receive() == {"type": "http.disconnect"}
        seen.append(trio.current_time())

    gone_while(app, get(), reset=False)
    assert seen == [10]


def test_sending_to_a_client_that_left_raises_an_os_error(caplog: pytest.LogCaptureFixture) -> None:
    seen = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        await trio.sleep(20)
        with suppress(RuntimeError):
            await send(OK)
        for _ in range(3):
            try:
                await send({"type": "http.response.body", "body": b"x", "more_body": True})
            except OSError:
                seen.append("OSError")
        assert await receive() == {"type": "http.request", "body": b"", "more_body": False}
        assert await receive() == {"type": "http.disconnect"}
        await trio.sleep(1_000)
        raise RuntimeError("nobody minds")

    gone_while(app, get())
    assert seen == ["OSError"] * 3
    assert caplog.records == []
