"""Clients that are idle, slow, or stuck, in virtual time where no kernel is asked for."""

import hashlib
import logging
from contextlib import suppress
from functools import partial

import pytest
import trio
import trio.testing
from http_exchange import CONFIG, NOW, Client, get, read_all, replies, run, start

from pystack.http import ClientGone, Exchange, Handler, HttpConfig, Response, serve_connection

LOGGING = HttpConfig(access_log=True, wall_clock=lambda: NOW)


async def echo(exchange: Exchange) -> Response:
    return Response(200, body=exchange.request.target)


async def read_body(exchange: Exchange) -> Response:
    body = b""
    while piece := await exchange.receive():
        body += piece
    return Response(200, body=body)


def answering(body: bytes) -> Handler:
    async def handler(exchange: Exchange) -> Response:
        return Response(200, body=body)

    return handler


async def drip(client: Client, data: bytes) -> None:
    """Sends `data` every second for as long as the server is there."""
    with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
        while True:
            await client.stream.send_all(data)
            await trio.sleep(1)


def test_an_idle_connection_ends_in_order_after_its_time() -> None:
    async def main() -> float:
        began = trio.current_time()
        async with trio.open_nursery() as nursery:
            client = await start(nursery, echo)
            await trio.sleep(10)
            await client.ask(get())
            assert await client.stream.receive_some() == b""
            return trio.current_time() - began

    assert run(main) == 85


def test_the_kernel_sees_an_idle_connection_end_with_fin() -> None:
    async def main() -> bytes:
        (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
        async with listener, trio.open_nursery() as nursery:
            client = await trio.open_tcp_stream("127.0.0.1", listener.socket.getsockname()[1])
            config = HttpConfig(idle_timeout=0.02)
            nursery.start_soon(serve_connection, await listener.accept(), echo, config)
            async with client:
                return await client.receive_some()  # a RST would raise

    assert trio.run(main) == b""


def test_blank_lines_do_not_hold_the_connection_longer() -> None:
    async def main() -> float:
        began = trio.current_time()
        async with trio.open_nursery() as nursery:
            client = await start(nursery, echo)
            nursery.start_soon(drip, client, b"\r\n")
            assert await client.stream.receive_some() == b""
            return trio.current_time() - began

    assert run(main) == 75


@pytest.mark.parametrize(("first", "dripping"), [(b"G", b""), (get()[:-2], b"A: b\r\n"), (get() + get()[:9], b"")])
def test_a_slow_head_is_a_408(first: bytes, dripping: bytes) -> None:
    """Its time begins with its first byte, and nothing that follows makes it longer."""

    async def main() -> float:
        async with trio.open_nursery() as nursery:
            client = await start(nursery, echo)
            await trio.sleep(50)
            began = trio.current_time()
            await client.stream.send_all(first)
            if dripping:
                nursery.start_soon(drip, client, dripping)
            if first.count(b"GET") == 2:
                assert (await client.read()).status == 200
            reply = await client.read()
            assert (reply.status, reply.closes) == (408, True)
            took = trio.current_time() - began
            assert await client.stream.receive_some() == b""
            await client.stream.aclose()
            return took

    assert run(main) == 30


def test_a_request_that_crosses_our_fin_draws_no_reset() -> None:
    async def main() -> None:
        async with trio.open_nursery() as nursery:
            client = await start(nursery, echo)
            assert await client.stream.receive_some() == b""
            await trio.sleep(1.9)
            await client.stream.send_all(get())
            await trio.sleep(0.2)
            with pytest.raises(trio.BrokenResourceError):
                await client.stream.send_all(get())

    run(main)


def test_the_idle_time_begins_anew_with_each_request() -> None:
    async def main() -> float:
        async with trio.open_nursery() as nursery:
            client = await start(nursery, echo)
            for _ in range(5):
                await trio.sleep(60)
                await client.stream.send_all(get()[:5])
                await trio.sleep(20)
                assert (await client.ask(get()[5:])).status == 200
            began = trio.current_time()
            assert await client.stream.receive_some() == b""
            return trio.current_time() - began

    assert run(main) == 75


def test_a_body_that_stalls_is_a_408() -> None:
    async def main() -> float:
        async with trio.open_nursery() as nursery:
            client = await start(nursery, read_body)
            await client.stream.send_all(get("/", "Content-Length: 9") + b"1234")
            await trio.sleep(50)
            await client.stream.send_all(b"5678")
            began = trio.current_time()
            reply = await client.read()
            assert (reply.status, reply.closes) == (408, True)
            took = trio.current_time() - began
            await client.stream.aclose()
            return took

    assert run(main) == 60


def test_a_body_that_stalls_under_a_response_ends_the_connection() -> None:
    async def handler(exchange: Exchange) -> None:
        exchange.start(200)
        await exchange.send(b"begun")
        await exchange.receive()

    async def main() -> float:
        async with trio.open_nursery() as nursery:
            client = await start(nursery, handler)
            await client.stream.send_all(get("/", "Content-Length: 9"))
            raw = await read_all(client.stream)
            assert raw.startswith(b"HTTP/1.1 200")
            assert raw.endswith(b"\r\n5\r\nbegun\r\n")
            await client.stream.aclose()
            return trio.current_time()

    assert run(main) == 60


def test_a_client_that_takes_nothing_is_cut_off(caplog: pytest.LogCaptureFixture) -> None:
    """The time is that without progress: what the client takes now and then does not end it."""
    caplog.set_level(logging.DEBUG)
    failed = []

    async def handler(exchange: Exchange) -> None:
        exchange.start(200, length=1_000_000)
        try:
            await exchange.send(bytes(1_000_000))
        except ClientGone as error:
            failed.append((trio.current_time(), isinstance(error, OSError)))
            raise

    async def main() -> None:
        client, server = trio.testing.lockstep_stream_pair()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(serve_connection, server, handler, LOGGING)
            await client.send_all(get())
            for _ in range(3):
                await trio.sleep(50)
                assert await client.receive_some(65_536)
        assert failed == [(210, True)]

    run(main)
    assert [record.message for record in caplog.records] == [
        '- - - [14/Nov/2023:22:13:20 +0000] "GET / HTTP/1.1" 200 16384 "-" "-" "the client took nothing for 60 s"',
        "connection with None ended: the client took nothing for 60 s",
    ]


def test_the_kernel_sees_a_reset_and_everything_is_free() -> None:
    body = bytes(20_000_000)

    async def main() -> None:
        (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
        async with listener:
            client = await trio.open_tcp_stream("127.0.0.1", listener.socket.getsockname()[1])
            await client.send_all(get())
            server = await listener.accept()
            await serve_connection(server, answering(body), HttpConfig(write_timeout=0.05))
            assert server.socket.fileno() == -1
            async with client:
                with pytest.raises(trio.BrokenResourceError) as caught:
                    await read_all(client)
                assert isinstance(caught.value.__cause__, ConnectionResetError)

    trio.run(main)


def test_zero_means_never() -> None:
    config = HttpConfig(idle_timeout=0, header_timeout=0, body_timeout=0, write_timeout=0)

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            client = await start(nursery, read_body, config)
            await trio.sleep(86_000)
            await client.stream.send_all(get("/still", "Content-Length: 5")[:9])
            await trio.sleep(86_000)
            await client.stream.send_all(get("/still", "Content-Length: 5")[9:])
            await trio.sleep(86_000)
            assert (await client.ask(b"hello")).body == b"hello"
            await client.stream.aclose()

    run(main)


def test_after_our_fin_the_client_is_read_out_for_two_seconds() -> None:
    async def main() -> None:
        began = trio.current_time()
        async with trio.open_nursery() as nursery:
            client = await start(nursery, echo)
            assert (await client.ask(get("/", "Connection: close"))).closes
            assert await client.stream.receive_some() == b""
            assert trio.current_time() == began
            with suppress(trio.BrokenResourceError):
                while True:
                    await client.stream.send_all(b"too late")
                    await trio.sleep(0.25)
            assert 2 <= trio.current_time() - began <= 2.25

    run(main)


def test_a_stream_without_half_close_is_closed_at_once() -> None:
    class Whole(trio.abc.Stream):
        def __init__(self, inner: trio.StapledStream) -> None:  # type: ignore[type-arg]
            self.send_all = inner.send_all  # type: ignore[method-assign]
            self.receive_some = inner.receive_some  # type: ignore[method-assign]
            self.aclose = inner.aclose  # type: ignore[method-assign]

        async def send_all(self, data: bytes | bytearray | memoryview) -> None: ...
        async def wait_send_all_might_not_block(self) -> None: ...
        async def receive_some(self, max_bytes: int | None = None) -> bytes: ...  # type: ignore[empty-body]
        async def aclose(self) -> None: ...

    async def main() -> bytes:
        client, server = trio.testing.memory_stream_pair()
        began = trio.current_time()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(serve_connection, Whole(server), echo, CONFIG)
            await client.send_all(get("/", "Connection: close"))
            raw = await read_all(client)
        assert trio.current_time() == began
        return raw

    assert replies(run(main))[0].body == b"/"


def test_a_client_that_sends_on_still_gets_the_whole_body() -> None:
    """With bytes unread a plain close would reset the connection, and the client's kernel would drop the rest."""
    body = bytes(range(256)) * 16_384

    async def main() -> bytes:
        (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
        async with listener, trio.open_nursery() as nursery:
            client = await trio.open_tcp_stream("127.0.0.1", listener.socket.getsockname()[1])
            server = await listener.accept()
            nursery.start_soon(partial(serve_connection, server, answering(body), CONFIG))
            async with client:
                await client.send_all(get("/", "Connection: close") + bytes(100_000))
                raw = bytearray()
                while chunk := await client.receive_some(10_000):
                    raw += chunk
                return bytes(raw)

    (reply,) = replies(trio.run(main))
    assert hashlib.sha256(reply.body).digest() == hashlib.sha256(body).digest()
