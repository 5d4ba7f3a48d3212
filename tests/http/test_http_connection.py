"""Order, time and bad luck on one connection."""

import logging
import socket
import struct
from collections.abc import AsyncIterator
from functools import partial

import h11
import pytest
import trio
import trio.testing
from http_exchange import CONFIG, Client, exchange, get, replies, run, start

from pystack.http import (
    ByteStream,
    ConnectionInfo,
    Drain,
    Exchange,
    HttpConfig,
    Response,
    plain,
    serve_connection,
)


async def echo(exchange: Exchange) -> Response:
    """The target; a target of digits takes as many seconds."""
    request = exchange.request
    if request.path[1:].isdigit():
        await trio.sleep(int(request.path[1:]))
    return Response(200, body=request.target)


class Pieces:
    """A body that remembers being closed, and raises what is not bytes."""

    def __init__(self, *pieces: bytes | Exception) -> None:
        self._pieces = iter(pieces)
        self.closed = False

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        for piece in self._pieces:
            if isinstance(piece, Exception):
                raise piece
            return piece
        raise StopAsyncIteration

    async def aclose(self) -> None:
        self.closed = True


def answering(body: bytes | ByteStream, length: int | None = None, status: int = 200):  # type: ignore[no-untyped-def]
    async def handler(exchange: Exchange) -> Response:
        return Response(status, body=body, length=length)

    return handler


# Order


def test_pipelined_requests_are_answered_in_their_order() -> None:
    targets = [f"/{name}" for name in ["3", "a", "2", *map(chr, range(0x62, 0x7B)), "1"]]
    got = replies(exchange(b"".join(map(get, targets)), echo))
    assert [reply.body.decode() for reply in got] == targets


def test_twenty_requests_share_a_connection() -> None:
    async def main() -> None:
        async with trio.open_nursery() as nursery:
            client = await start(nursery, echo)
            for number in range(20):
                reply = await client.ask(get(f"/x{number}"))
                assert (reply.status, reply.body, reply.closes) == (200, b"/x%d" % number, False)
            await client.stream.aclose()

    run(main)


def test_http_1_0_is_told_whether_its_connection_lives_on() -> None:
    (kept,) = replies(exchange(get("/", "Connection: keep-alive", version="1.0"), echo))
    assert kept.headers["connection"] == "keep-alive"
    (closed,) = replies(exchange(get("/", version="1.0"), echo))
    assert closed.headers["connection"] == "close"
    (default,) = replies(exchange(get("/"), echo))
    assert "connection" not in default.headers


# The graceful stop


def test_a_stop_ends_idle_connections_at_once() -> None:
    async def main() -> None:
        drain = Drain()
        async with trio.open_nursery() as nursery:
            fresh = await start(nursery, echo, drain=drain)
            used = await start(nursery, echo, drain=drain)
            await used.ask(get())
            began = trio.current_time()
            drain.stop()
            drain.stop()
            assert await fresh.stream.receive_some() == b""
            assert await used.stream.receive_some() == b""
            late = await start(nursery, echo, drain=drain)
            assert await late.stream.receive_some() == b""
        assert trio.current_time() == began

    run(main)


def test_a_stop_lets_requests_in_flight_finish() -> None:
    async def main() -> None:
        drain = Drain()
        async with trio.open_nursery() as nursery:
            asked = await start(nursery, echo, drain=drain)
            asking = await start(nursery, echo, drain=drain)
            await asked.stream.send_all(get("/5") + get("/never"))
            await asking.stream.send_all(get("/half")[:20])
            await trio.sleep(1)
            drain.stop()
            for client, reply in (
                (asking, await asking.ask(get("/half")[20:])),
                (asked, await asked.read()),
            ):
                assert (reply.status, reply.closes) == (200, True)
                assert await client.stream.receive_some() == b""

    run(main)


# What handlers do wrong


@pytest.mark.parametrize(
    "error", [RuntimeError("x"), trio.BrokenResourceError(), MemoryError(), ExceptionGroup("x", [OSError(5, "x")])]
)
def test_a_failing_handler_costs_a_500_and_no_more(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    async def handler(exchange: Exchange) -> Response:
        if exchange.request.path == b"/bad":
            raise error
        return await echo(exchange)

    bad, good = replies(exchange(get("/bad") + get("/good"), handler))
    assert (bad.status, good.body) == (500, b"/good")
    (record,) = caplog.records
    assert (record.name, record.levelname) == ("pystack.http", "ERROR")
    assert "GET b'/bad'" in record.message
    assert record.exc_info
    assert record.exc_info[1] is error


def test_a_handler_that_returns_nothing_costs_a_500(caplog: pytest.LogCaptureFixture) -> None:
    async def handler(exchange: Exchange) -> None:
        pass

    (reply,) = replies(exchange(get(), handler))  # type: ignore[arg-type]
    assert reply.status == 500
    assert len(caplog.records) == 1


def test_a_body_that_fails_before_its_first_byte_is_a_500(caplog: pytest.LogCaptureFixture) -> None:
    body = Pieces(OSError(5, "unreadable"))
    first, second = replies(exchange(get() * 2, answering(body, length=3)), ["GET", "GET"])
    assert (first.status, second.status) == (500, 500)
    assert body.closed
    assert len(caplog.records) == 2


@pytest.mark.parametrize(
    ("pieces", "length"),
    [
        ((b"ab", OSError(5, "unreadable")), 4),
        ((b"ab",), 4),
        ((b"ab", b"cde"), 4),
        ((b"ab", OSError(5, "unreadable")), None),
        ((b"ab", "cd"), None),
    ],
    ids=["raises", "short", "long", "raises in chunks", "not bytes"],
)
def test_a_body_that_breaks_its_promise_ends_the_connection(
    pieces: tuple[bytes | Exception, ...], length: int | None, caplog: pytest.LogCaptureFixture
) -> None:
    body = Pieces(*pieces)
    raw = exchange(get() * 2, answering(body, length))
    with pytest.raises(h11.RemoteProtocolError, match=r"peer .*closed connection without sending"):
        replies(raw)
    assert raw.count(b"HTTP/1.1") == 1
    assert b"cd" not in raw
    assert body.closed
    assert [record.levelname for record in caplog.records] == ["WARNING"]


# Bodies


def test_a_stream_of_known_length_arrives_whole() -> None:
    body = Pieces(b"ab", b"", b"c")
    (reply,) = replies(exchange(get(), answering(body, 3)))
    assert (reply.body, reply.headers["content-length"]) == (b"abc", "3")
    assert body.closed


def test_a_stream_of_unknown_length_goes_in_chunks() -> None:
    (reply,) = replies(exchange(get(), answering(Pieces(b"ab", b"", b"c" * 300_000))))
    assert reply.body == b"ab" + b"c" * 300_000
    assert reply.headers["transfer-encoding"] == "chunked"
    assert "content-length" not in reply.headers
    assert not reply.closes


def test_a_stream_of_unknown_length_ends_a_connection_of_http_1_0() -> None:
    raw = exchange(get("/", "Connection: keep-alive", version="1.0") * 2, answering(Pieces(b"ab", b"c")))
    (reply,) = replies(raw)
    assert (reply.body, reply.closes) == (b"abc", True)
    assert "transfer-encoding" not in reply.headers


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 204), ("GET", 304)])
def test_a_body_that_is_not_sent_is_closed_all_the_same(method: str, status: int) -> None:
    body = Pieces(b"abc")
    request = get(method=method)
    raw = exchange(request, answering(body, 3, status))
    (reply,) = replies(raw, [method])
    assert reply.status == status
    assert raw.endswith(b"\r\n\r\n")
    assert (reply.headers.get("content-length") == "3") == (method == "HEAD")
    assert body.closed


@pytest.mark.parametrize(("body", "length"), [(b"", None), (b"x" * 1_000, None), (Pieces(b"x" * 1_000), 1_000)])
def test_a_small_response_is_one_send(body: bytes | ByteStream, length: int | None) -> None:
    sends: list[bytes] = []

    async def take() -> None:
        sends.append(bytes(out.get_data_nowait()))

    async def main() -> None:
        said = trio.testing.MemoryReceiveStream()
        said.put_data(get())
        said.put_eof()
        await serve_connection(trio.StapledStream(out, said), answering(body, length), CONFIG)

    out = trio.testing.MemorySendStream(send_all_hook=take)
    run(main)
    assert len(sends) == 1
    assert len(replies(sends[0])[0].body) in (0, 1_000)


# Clients that leave


def test_a_client_that_vanishes_in_mid_download_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    body = Pieces(*[bytes(100_000)] * 10)

    async def main() -> None:
        client, server = trio.testing.lockstep_stream_pair()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(serve_connection, server, answering(body, 1_000_000), CONFIG)
            await client.send_all(get())
            assert await client.receive_some(150_000)
            await client.aclose()

    run(main)
    assert body.closed
    assert caplog.records == []


@pytest.mark.parametrize("said", [b"", get()[:9], get("/", "Content-Length: 9") + b"123", get("/5")])
def test_a_client_that_resets_is_no_error(said: bytes, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
        async with listener, trio.open_nursery() as nursery:
            client = await trio.open_tcp_stream("127.0.0.1", listener.socket.getsockname()[1])
            server = await listener.accept()
            if said:
                await client.send_all(said)
            client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            nursery.start_soon(partial(serve_connection, server, answering(b"x"), CONFIG))
            await trio.testing.wait_all_tasks_blocked()
            await client.aclose()

    trio.run(main)
    assert caplog.records == []


def test_a_slow_reader_holds_no_more_than_one_piece() -> None:
    made = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal made
        for _ in range(10):
            made += 1
            yield bytes(1_000)

    async def main() -> None:
        client, server = trio.testing.lockstep_stream_pair()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(serve_connection, server, answering(body(), 10_000), CONFIG)  # type: ignore[arg-type]
            await client.send_all(get())
            received = b""
            while received.count(b"\0") < 5_000:
                received += await client.receive_some(100)
                await trio.testing.wait_all_tasks_blocked()
                assert made <= len(received) // 1_000 + 2
            await client.aclose()

    run(main)
    assert 5 <= made <= 7


def test_cancelling_closes_the_stream_at_once() -> None:
    async def main() -> None:
        async with trio.open_nursery() as nursery:
            client = await start(nursery, echo)
            await client.stream.send_all(get("/60"))
            await trio.sleep(1)
            nursery.cancel_scope.cancel()
        assert await client.stream.receive_some() == b""

    run(main)


# Telling


def test_the_access_log_has_a_line_for_each_response(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="pystack.http.access")
    config = HttpConfig(access_log=True, wall_clock=CONFIG.wall_clock)
    asked = get('/a"\\', "User-Agent: x\ty", "Referer: http://r/")
    exchange(asked + get("/b", method="HEAD") + b"nonsense\r\n\r\n", echo, config)
    assert [record.message for record in caplog.records if record.name == "pystack.http.access"] == [
        r'- - - [14/Nov/2023:22:13:20 +0000] "GET /a\x22\x5c HTTP/1.1" 200 4 "http://r/" "x\x09y"',
        '- - - [14/Nov/2023:22:13:20 +0000] "HEAD /b HTTP/1.1" 200 - "-" "-"',
        '- - - [14/Nov/2023:22:13:20 +0000] "-" 400 46 "-" "-"',
    ]


def test_the_access_log_is_off_by_default(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    assert replies(exchange(get(), echo))[0].status == 200
    assert [record for record in caplog.records if record.name.startswith("pystack")] == []


def test_a_handler_learns_the_addresses() -> None:
    seen: list[ConnectionInfo] = []

    async def handler(exchange: Exchange) -> Response:
        seen.append(exchange.connection)
        return plain(200)

    async def main() -> tuple[str, int]:
        (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
        async with listener, trio.open_nursery() as nursery:
            client = await trio.open_tcp_stream("127.0.0.1", listener.socket.getsockname()[1])
            nursery.start_soon(partial(serve_connection, await listener.accept(), handler, CONFIG))
            async with client:
                await Client(client).ask(get())
                assert seen[0].local == client.socket.getpeername()
                return client.socket.getsockname()  # type: ignore[no-any-return]

    assert trio.run(main) == seen[0].peer
    exchange(get(), handler)
    assert (seen[1].peer, seen[1].local) == (None, None)
