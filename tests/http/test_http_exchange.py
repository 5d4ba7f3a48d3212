"""What a handler can do with an exchange besides returning a `Response`."""

import pytest
import trio
import trio.testing
from http_exchange import CONFIG, NOW, exchange, get, read_all, replies, run, start

from pystack.http import Exchange, Handler, HttpConfig, RequestFailed, Response, plain, serve_connection

POST = get("/", "Content-Length: 10", method="POST")
CHUNKED = get("/", "Transfer-Encoding: chunked", method="POST")
SMALL = HttpConfig(wall_clock=lambda: NOW, max_body_size=10, max_drain_size=20)


async def answer(exchange: Exchange) -> Response:
    """Knows nothing of the body."""
    return Response(200, body=b"unread")


async def ask_later(ask: trio.Event) -> None:
    await trio.sleep(1_000)
    ask.set()


async def collect(exchange: Exchange) -> Response:
    body = b""
    while piece := await exchange.receive():
        body += piece
    return Response(200, body=body)


# Bodies of requests


def test_the_client_is_read_only_as_far_as_the_handler_asks() -> None:
    async def main() -> None:
        ask = trio.Event()
        got = []

        async def handler(exchange: Exchange) -> Response:
            await ask.wait()
            while piece := await exchange.receive():
                got.append(piece)
                await trio.sleep(1)
            return plain(200)

        client, server = trio.testing.lockstep_stream_pair()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(serve_connection, server, handler, CONFIG)
            await client.send_all(get("/", "Content-Length: 9", method="POST"))
            nursery.start_soon(ask_later, ask)
            for part, read_at in ((b"abc", 1_000), (b"def", 1_001), (b"ghi", 1_002)):
                await client.send_all(part)  # lockstep: it returns when all of it was read
                assert trio.current_time() == read_at
            await client.receive_some()
            await client.aclose()
        assert got == [b"abc", b"def", b"ghi"]

    run(main)


def test_leave_to_send_comes_once_and_only_when_asked() -> None:
    async def main() -> None:
        asked = trio.Event()

        async def handler(exchange: Exchange) -> Response:
            await asked.wait()
            return await collect(exchange)

        async with trio.open_nursery() as nursery:
            client = await start(nursery, handler)
            await client.stream.send_all(get("/", "Expect: 100-continue", "Content-Length: 4"))
            with trio.move_on_after(10) as scope:
                await client.stream.receive_some()
            assert scope.cancelled_caught
            asked.set()
            assert await client.stream.receive_some() == b"HTTP/1.1 100 Continue\r\n\r\n"
            await client.stream.send_all(b"ab")
            await trio.testing.wait_all_tasks_blocked()
            assert (await client.ask(b"cd")).body == b"abcd"
            await client.stream.aclose()

    run(main)


def test_trailers_are_known_after_the_body() -> None:
    seen: list[object] = []

    async def handler(exchange: Exchange) -> Response:
        seen.append(exchange.trailers)
        while await exchange.receive():
            seen.append(exchange.trailers)
        seen.append(exchange.trailers)
        assert await exchange.receive() == b""
        return plain(200)

    exchange(CHUNKED + b"1\r\n!\r\n0\r\nT: v\r\n\r\n", handler)
    assert seen == [(), (), ((b"t", b"v"),)]


@pytest.mark.parametrize("body", [b"x" * 11, b"x" * 20])
@pytest.mark.parametrize("handler", [answer, collect])
def test_a_body_over_the_limit_is_a_413_and_is_read_out(body: bytes, handler: Handler) -> None:
    sized = get("/", f"Content-Length: {len(body)}", method="POST") + body
    refused, next_one = replies(exchange(sized + get(), handler, SMALL))
    assert (refused.status, next_one.status) == (413, 200)
    far = get("/", "Content-Length: 21", method="POST") + b"x" * 21
    (refused,) = replies(exchange(far + get(), handler, SMALL))
    assert (refused.status, refused.closes) == (413, True)


def test_a_body_in_chunks_is_refused_when_it_grows_too_large() -> None:
    in_chunks = CHUNKED + b"a\r\n0123456789\r\n1\r\n!\r\n0\r\n\r\n"
    (refused,) = replies(exchange(in_chunks + get(), collect, SMALL))
    assert (refused.status, refused.closes) == (413, True)
    unread, _ = replies(exchange(in_chunks + get(), answer, SMALL))
    assert unread.status == 200


@pytest.mark.parametrize("limit", [20, 0])
def test_an_unread_body_within_the_limit_keeps_the_connection(limit: int) -> None:
    config = HttpConfig(max_drain_size=limit)
    got = replies(exchange(POST + b"0123456789" + get(), answer, config))
    assert [reply.closes for reply in got] == ([False, False] if limit else [True])


def test_an_unread_body_that_does_not_come_is_waited_for_two_seconds() -> None:
    async def main() -> None:
        async with trio.open_nursery() as nursery:
            client = await start(nursery, answer)
            began = trio.current_time()
            reply = await client.ask(POST + b"01234")
            assert (reply.status, reply.closes) == (200, True)
            assert trio.current_time() - began == 2
            await client.stream.aclose()

    run(main)


def test_an_announced_body_that_is_too_large_to_drop_is_not_waited_for() -> None:
    async def main() -> None:
        async with trio.open_nursery() as nursery:
            client = await start(nursery, answer)
            reply = await client.ask(get("/", "Content-Length: 1000000", method="POST") + b"x")
            assert (reply.status, reply.closes, trio.current_time()) == (200, True, 0)
            await client.stream.aclose()

    run(main)


def test_an_answer_to_a_client_that_still_waits_for_leave_ends_the_connection() -> None:
    """It may or may not send its body now: nobody knows what its next bytes are."""

    async def handler(exchange: Exchange) -> None:
        exchange.start(200)
        await exchange.send(b"x")
        await exchange.end()

    (reply,) = replies(exchange(get("/", "Expect: 100-continue", "Content-Length: 4") + b"abcd" + get(), handler))
    assert (reply.closes, reply.continues) == (True, 0)


def test_an_early_answer_to_a_large_upload_arrives_whole() -> None:
    """The client is still sending when it comes, and a plain close would reset the connection."""

    async def handler(exchange: Exchange) -> Response:
        return plain(401, "x" * 100_000)

    async def main() -> bytes:
        (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
        async with listener, trio.open_nursery() as nursery:
            client = await trio.open_tcp_stream("127.0.0.1", listener.socket.getsockname()[1])
            nursery.start_soon(serve_connection, await listener.accept(), handler, CONFIG)
            async with client:
                await client.send_all(get("/", "Content-Length: 3000000", method="POST") + bytes(3_000_000))
                return await read_all(client)

    (reply,) = replies(trio.run(main))
    assert (reply.status, reply.closes, len(reply.body)) == (401, True, 100_018)


def test_a_handler_may_answer_a_bad_body_itself() -> None:
    async def handler(exchange: Exchange) -> Response:
        try:
            return await collect(exchange)
        except RequestFailed as failure:
            with pytest.raises(RequestFailed):
                await exchange.receive()
            return Response(422, body=failure.detail.encode())

    (reply,) = replies(exchange(CHUNKED + b"x\r\n" + get(), handler))
    assert (reply.status, reply.closes) == (422, True)


# Piece by piece


def test_pieces_leave_as_they_are_sent_the_head_with_the_first() -> None:
    async def handler(exchange: Exchange) -> None:
        exchange.start(200, ((b"X", b"y"),), 6)
        await trio.sleep(1)
        for piece in (b"", b"ab", bytearray(b"cd"), memoryview(b"ef")):
            await exchange.send(piece)
            await trio.sleep(1)
        await exchange.end()

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            client = await start(nursery, handler)
            await client.stream.send_all(get())
            got = [(await client.stream.receive_some(), trio.current_time()) for _ in range(4)]
            assert bytes(got[0][0]).endswith(b"\r\n\r\n")
            assert got[1:] == [(b"ab", 2), (b"cd", 3), (b"ef", 4)]
            await client.stream.aclose()

    run(main)


def test_a_response_may_begin_before_the_request_ends() -> None:
    async def upper(exchange: Exchange) -> None:
        exchange.start(200)
        await exchange.send(b"")
        while piece := await exchange.receive():
            await exchange.send(piece.upper())
        await exchange.end()

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            client = await start(nursery, upper)
            await client.stream.send_all(POST)
            assert bytes(await client.stream.receive_some()).endswith(b"\r\n\r\n")
            await client.stream.send_all(b"abc")
            assert await client.stream.receive_some() == b"3\r\nABC\r\n"
            await client.stream.send_all(b"defghij")
            assert await client.stream.receive_some() == b"7\r\nDEFGHIJ\r\n"
            assert await client.stream.receive_some() == b"0\r\n\r\n"
            await client.stream.send_all(POST)
            assert bytes(await client.stream.receive_some()).startswith(b"HTTP/1.1 200")  # the connection lives on
            await client.stream.aclose()

    run(main)


@pytest.mark.parametrize(
    ("request_", "trailers"),
    [
        (get("/", "TE: trailers"), ((b"a", b"b"),)),
        (get("/"), ()),
        (get("/", "TE: trailers", version="1.0"), ()),
    ],
)
def test_trailers_go_to_those_who_want_them(request_: bytes, trailers: tuple[object, ...]) -> None:
    async def handler(exchange: Exchange) -> None:
        exchange.start(200)
        await exchange.send(b"x")
        await exchange.end(((b"A", b"b"),))

    (reply,) = replies(exchange(request_, handler))
    assert (reply.body, reply.trailers) == (b"x", trailers)


async def twice(exchange: Exchange) -> None:
    await exchange.respond(plain(200))
    await exchange.respond(plain(200))


async def start_and_return(exchange: Exchange) -> Response:
    exchange.start(200)
    return plain(200)


async def no_start(exchange: Exchange) -> None:
    await exchange.send(b"x")


async def bad_trailer(exchange: Exchange) -> None:
    exchange.start(200)
    await exchange.end(((b"A\r\n", b"b"),))


async def too_short(exchange: Exchange) -> None:
    exchange.start(200, length=3)
    await exchange.end()


async def nothing(exchange: Exchange) -> None:
    exchange.start(200)


async def no_bytes(exchange: Exchange) -> None:
    exchange.start(200)
    await exchange.send("text")  # type: ignore[arg-type]


@pytest.mark.parametrize("handler", [start_and_return, no_start, bad_trailer, too_short, nothing, no_bytes])
def test_mistakes_before_the_first_byte_are_a_500(handler: Handler, caplog: pytest.LogCaptureFixture) -> None:
    first, second = replies(exchange(get() * 2, handler))
    assert (first.status, second.status) == (500, 500)
    assert [record.levelname for record in caplog.records] == ["ERROR"] * 2


def test_a_mistake_after_the_response_is_logged_and_no_more(caplog: pytest.LogCaptureFixture) -> None:
    assert [reply.status for reply in replies(exchange(get() * 2, twice))] == [200, 200]
    assert [record.levelname for record in caplog.records] == ["ERROR"] * 2


@pytest.mark.parametrize(("version", "reset"), [("1.1", False), ("1.0", True)])
def test_a_part_is_never_taken_for_the_whole(version: str, reset: bool, caplog: pytest.LogCaptureFixture) -> None:
    """Where the end of the connection is the end of the body, only a RST tells that something is missing."""

    async def handler(exchange: Exchange) -> None:
        exchange.start(200)
        await exchange.send(b"half")
        raise RuntimeError

    async def main() -> bytes:
        (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
        async with listener, trio.open_nursery() as nursery:
            client = await trio.open_tcp_stream("127.0.0.1", listener.socket.getsockname()[1])
            nursery.start_soon(serve_connection, await listener.accept(), handler, CONFIG)
            async with client:
                await client.send_all(get(version=version))
                return await read_all(client)

    if reset:
        with pytest.raises(ExceptionGroup) as caught:
            trio.run(main)
        assert caught.value.subgroup(trio.BrokenResourceError)
    else:
        assert trio.run(main).endswith(b"4\r\nhalf\r\n")
    assert [record.levelname for record in caplog.records] == ["ERROR"]
