"""ASGI as its specification has it, by applications of a few lines: scopes, bodies and responses."""

from functools import partial
from typing import Any

import pytest
import trio
import trio.testing
from http_asgi import OK, answer, asked, hello, only
from http_exchange import CONFIG, NOW, Client, get, replies, run

from pystack.http import HttpConfig, hosted, serve_connection

POST = get("/", "Content-Length: 10", method="POST")


# The scope


def test_the_scope_has_what_the_specification_wants() -> None:
    scopes = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scopes.append(scope)
        await hello(scope, receive, send)

    asked(app, get("/a%20b%2Fc%C3%A9?x=%20", "X-Y: z", "TE: trailers"), root_path="/mount")
    asked(app, get("http://y:81", version="1.0"))
    assert [scope["type"] for scope in scopes] == ["lifespan", "http"] * 2
    assert scopes[0]["asgi"]["version"] == "3.0"
    assert scopes[1] == {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": "/mount/a b/cé",
        "raw_path": b"/mount/a%20b%2Fc%C3%A9",
        "query_string": b"x=%20",
        "root_path": "/mount",
        "headers": [(b"host", b"x"), (b"x-y", b"z"), (b"te", b"trailers")],
        "client": None,
        "server": None,
        "state": {},
        "extensions": {"http.response.trailers": {}},
    }
    assert (scopes[3]["http_version"], scopes[3]["path"], scopes[3]["extensions"]) == ("1.0", "/", {})
    assert scopes[3]["headers"] == [(b"host", b"y:81")]


def test_the_scope_names_both_ends() -> None:
    scopes = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scopes.append(scope)
        await hello(scope, receive, send)

    async def main() -> tuple[str, int]:
        (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
        async with listener, hosted(app) as handler, trio.open_nursery() as nursery:
            client = await trio.open_tcp_stream("127.0.0.1", listener.socket.getsockname()[1])
            nursery.start_soon(partial(serve_connection, await listener.accept(), handler, CONFIG))
            async with client:
                await Client(client).ask(get())
                assert scopes[1]["server"] == client.socket.getpeername()
                return client.socket.getsockname()  # type: ignore[no-any-return]

    assert trio.run(main) == scopes[1]["client"]


# Bodies


async def collect(receive: Any) -> bytes:
    body = b""
    while True:
        message = await receive()
        assert message["type"] == "http.request"
        body += message["body"]
        if not message["more_body"]:
            return body


async def echo(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "http":
        await answer(send, await collect(receive))


@pytest.mark.parametrize(
    "request_",
    [
        POST + b"0123456789",
        get("/", "Transfer-Encoding: chunked") + b"9\r\n012345678\r\n1\r\n9\r\n0\r\nT: v\r\n\r\n",
        get("/", "Expect: 100-continue", "Content-Length: 10") + b"0123456789",
    ],
)
def test_a_body_comes_whole_in_any_split(request_: bytes) -> None:
    for raw in (asked(echo, request_), asked(echo, b"", parts=[bytes([byte]) for byte in request_])):
        reply = only(raw)
        assert (reply.body, reply.continues) == (b"0123456789", b"Expect" in request_)


def test_one_message_is_enough_for_no_body() -> None:
    assert only(asked(echo)).body == b""


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (get("/", "Transfer-Encoding: chunked") + b"nonsense\r\n", 400),
        (POST + b"short", 400),
        (get("/", "Content-Length: 30") + bytes(30), 413),
        (get("/", "Transfer-Encoding: chunked") + b"1e\r\n" + bytes(30) + b"\r\n0\r\n\r\n", 413),
    ],
)
def test_a_bad_body_is_a_disconnect_for_the_application(
    request_: bytes, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    seen = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        message = {"type": "http.request"}
        while message["type"] == "http.request":
            message = await receive()
        seen.append(message)
        raise RuntimeError("as Starlette does")

    assert only(asked(app, request_, HttpConfig(max_body_size=20, wall_clock=lambda: NOW))).status == status
    assert [message["type"] for message in seen] in (["http.disconnect"], [])
    assert caplog.records == []


def test_the_application_is_slowed_down_by_its_client_and_the_client_by_it() -> None:
    made = 0
    taken = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        nonlocal made
        if scope["type"] != "http":
            return
        for _ in range(5):
            await trio.sleep(1)
            taken.append(await receive())
        await send(OK)
        for _ in range(5):
            await send({"type": "http.response.body", "body": bytes(1_000), "more_body": True})
            made += 1
        await send({"type": "http.response.body"})

    async def main() -> None:
        client, server = trio.testing.lockstep_stream_pair()
        async with hosted(app) as handler, trio.open_nursery() as nursery:
            nursery.start_soon(serve_connection, server, handler, CONFIG)
            await client.send_all(get("/", "Content-Length: 5"))
            for number in range(5):
                await client.send_all(b"x")
                assert trio.current_time() == number + 1
            assert len(taken) == 5
            received = b""
            while received.count(b"\0") < 5_000:
                received += await client.receive_some(100)
                await trio.testing.wait_all_tasks_blocked()
                assert made <= len(received) // 1_000 + 1
            nursery.cancel_scope.cancel()

    run(main)


def test_a_bad_body_that_was_not_read_is_still_refused() -> None:
    assert only(asked(hello, get("/", "Transfer-Encoding: chunked") + b"nonsense\r\n")).status == 400


# Responses


def sends_of(app: Any, said: bytes = get()) -> list[bytes]:
    """What each write of the server holds."""
    writes: list[bytes] = []
    out = trio.testing.MemorySendStream()

    async def take() -> None:
        writes.append(bytes(out.get_data_nowait()))

    out.send_all_hook = take

    async def main() -> None:
        heard = trio.testing.MemoryReceiveStream()
        heard.put_data(said)
        heard.put_eof()
        async with hosted(app) as handler:
            await serve_connection(trio.StapledStream(out, heard), handler, CONFIG)

    run(main)
    return writes


def test_a_small_response_is_one_write_of_known_length() -> None:
    (write,) = sends_of(hello)
    reply = only(write)
    assert (reply.body, reply.headers["content-length"]) == (b"hello", "5")


def test_pieces_of_unknown_length_go_in_chunks() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        await send({**OK, "headers": [(b"transfer-encoding", b"chunked")]})
        for piece in (b"", b"ab", b"", b"c"):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body"})

    head, *pieces = sends_of(app)
    assert head.endswith(b"\r\n\r\n")
    assert pieces == [b"2\r\nab\r\n", b"1\r\nc\r\n", b"0\r\n\r\n"]
    assert head.lower().count(b"transfer-encoding") == 1


@pytest.mark.parametrize(("method", "status", "length"), [("HEAD", 200, "5"), ("GET", 304, None), ("GET", 204, None)])
def test_responses_without_a_body(method: str, status: int, length: str | None) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        headers = [(b"content-length", b"5")] if length else []
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b""})

    for reply in replies(asked(app, get(method=method) * 2), [method] * 2):
        assert (reply.status, reply.body, reply.headers.get("content-length")) == (status, b"", length)


@pytest.mark.parametrize(("fields", "trailers"), [(["TE: trailers"], ((b"a", b"b"), (b"c", b"d"))), ([], ())])
def test_trailers(fields: list[str], trailers: tuple[object, ...]) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        await send({**OK, "trailers": True})
        await send({"type": "http.response.body", "body": b"x"})
        for more, field in ((True, (b"A", b"b")), (False, (b"C", b"d"))):
            await send({"type": "http.response.trailers", "headers": [field], "more_trailers": more})

    for reply in replies(asked(app, get("/", *fields) * 2)):
        assert (reply.body, reply.trailers) == (b"x", trailers)
