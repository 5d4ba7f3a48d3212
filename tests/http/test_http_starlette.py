"""A Starlette application: here over memory and kernel sockets, and under uvicorn over kernel sockets."""

import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest
import trio
import trio.testing
import uvicorn
from http_exchange import get, read_all, replies, run, say
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from pystack.http import HttpConfig, hosted, serve_connection


def make_app(root: Path, told: list[str]) -> Starlette:
    """Writes down what happens outside of responses in `told`."""

    async def home(request: Request) -> Response:
        return JSONResponse({"method": request.method, "url": request.url.path, "ready": request.state.ready})

    async def echo(request: Request) -> Response:
        sizes = [len(piece) async for piece in request.stream()]
        return PlainTextResponse(str(sum(sizes)), headers={"X-Last": str(sizes[-1])})

    async def stream(request: Request) -> Response:
        async def pieces() -> AsyncIterator[bytes]:
            for number in range(5):
                yield b"%d\n" % number

        return StreamingResponse(pieces(), media_type="text/plain")

    async def endless(request: Request) -> Response:
        async def pieces() -> AsyncIterator[bytes]:
            try:
                while True:
                    yield bytes(1_000)
                    await anyio.sleep(1)
            finally:
                told.append("stopped")

        return StreamingResponse(pieces())

    async def later(request: Request) -> Response:
        async def work() -> None:
            await anyio.sleep(0.01)
            told.append("worked")

        return PlainTextResponse("accepted", 202, background=BackgroundTask(work))

    async def wrong(request: Request) -> Response:
        raise RuntimeError("wrong")

    def in_a_thread(request: Request) -> Response:
        response = PlainTextResponse(str(threading.current_thread() is threading.main_thread()))
        response.set_cookie("a", "b")
        return response

    async def empty(request: Request) -> Response:
        return Response(status_code=204)

    async def elsewhere(request: Request) -> Response:
        return RedirectResponse("/ä b")

    @asynccontextmanager
    async def life(app: Starlette) -> AsyncIterator[dict[str, bool]]:
        told.append("up")
        yield {"ready": True}
        told.append("down")

    return Starlette(
        routes=[
            Route("/", home, methods=["GET", "DELETE"]),
            Route("/echo", echo, methods=["POST"]),
            Route("/stream", stream),
            Route("/endless", endless),
            Route("/later", later),
            Route("/wrong", wrong),
            Route("/thread", in_a_thread),
            Route("/empty", empty),
            Route("/elsewhere", elsewhere),
            Mount("/static", StaticFiles(directory=root, html=True)),
        ],
        lifespan=life,
    )


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("root")
    (root / "index.html").write_bytes(b"<h1>home</h1>")
    (root / "large.bin").write_bytes(bytes(range(256)) * 2_000)
    return root


# No stream to an HTTP/1.0 client: uvicorn sends it in chunks, which RFC 9112 section 6.1 forbids.
REQUESTS = {
    "json": get("/?a=b"),
    "HEAD": get(method="HEAD"),
    "another method": get(method="DELETE"),
    "not allowed": get(method="PUT"),
    "not there": get("/nothing"),
    "stream": get("/stream"),
    "HEAD of a stream": get("/stream", method="HEAD"),
    "HTTP/1.0": get(version="1.0"),
    "close": get("/", "Connection: close"),
    "post": get("/echo", "Content-Length: 5", method="POST") + b"hello",
    "post in chunks": get("/echo", "Transfer-Encoding: chunked", method="POST") + b"5\r\nhello\r\n0\r\n\r\n",
    "post with Expect": get("/echo", "Expect: 100-continue", "Content-Length: 5", method="POST") + b"hello",
    "background": get("/later"),
    "thread and cookie": get("/thread"),
    "204": get("/empty"),
    "redirect": get("/elsewhere"),
    "error": get("/wrong"),
    "static": get("/static/large.bin"),
    "static HEAD": get("/static/large.bin", method="HEAD"),
    "static range": get("/static/large.bin", "Range: bytes=100-199"),
    "static several ranges": get("/static/large.bin", "Range: bytes=0-0,5-6"),
    "static bad range": get("/static/large.bin", "Range: bytes=9999999-"),
    "static index": get("/static/"),
    "static not there": get("/static/nothing"),
}


def seen(raw: bytes, method: str) -> tuple[list[tuple[int, int]], list[str], bytes]:
    """A reply without what names the server and the time, and without what Starlette draws by lot."""
    (reply,) = replies(raw, [method])
    headers = sorted(f"{name}: {value}" for name, value in reply.headers.items() if name not in ("server", "date"))
    text = "\n".join(headers)
    body = reply.body
    if "boundary=" in text:
        boundary = text.partition("boundary=")[2].partition("\n")[0]
        headers = text.replace(boundary, "BOUNDARY").split("\n")
        body = body.replace(boundary.encode(), b"BOUNDARY")
    return [(reply.status, reply.continues)], headers, body


async def ask(client: trio.SocketStream, request: bytes) -> bytes:
    """The bytes of one reply."""
    raw = b""
    async with client:
        await client.send_all(request)
        while not whole(raw, request.split()[0].decode()):
            chunk = await client.receive_some()
            raw += chunk
            if not chunk:
                break
    return raw


def whole(raw: bytes, method: str) -> bool:
    try:
        return len(replies(raw, [method], closed=False)) == 1
    except (AssertionError, ValueError):
        return False


async def over_kernel(app: Starlette, request: bytes) -> bytes:
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with listener, hosted(app) as handler, trio.open_nursery() as nursery:
        client = await trio.open_tcp_stream("127.0.0.1", listener.socket.getsockname()[1])
        nursery.start_soon(serve_connection, await listener.accept(), handler, HttpConfig())
        return await ask(client, request)


async def over_memory(app: Starlette, request: bytes) -> bytes:
    client, server = trio.testing.memory_stream_pair()
    async with hosted(app) as handler, trio.open_nursery() as nursery:
        nursery.start_soon(serve_connection, server, handler, HttpConfig())
        nursery.start_soon(say, client, [request])
        return await read_all(client)


class Uvicorn(uvicorn.Server):
    """In a thread of its own, on a port of the kernel's choice."""

    def __init__(self, app: Starlette) -> None:
        super().__init__(uvicorn.Config(app, port=0, http="httptools", ws="none", log_config=None))
        self.ready = threading.Event()
        self.port = 0

    async def startup(self, sockets: object = None) -> None:
        await super().startup()
        self.port = self.servers[0].sockets[0].getsockname()[1]
        self.ready.set()


@pytest.fixture(scope="module")
def uvicorn_port(root: Path) -> Iterator[int]:
    server = Uvicorn(make_app(root, []))
    thread = threading.Thread(target=server.run)
    thread.start()
    assert server.ready.wait(20)
    yield server.port
    server.should_exit = True
    thread.join()


@pytest.mark.parametrize("name", REQUESTS)
def test_the_same_application_says_the_same_as_under_uvicorn(
    name: str, root: Path, uvicorn_port: int, caplog: pytest.LogCaptureFixture
) -> None:
    request = REQUESTS[name]
    method = request.split()[0].decode()

    async def uvicorns() -> bytes:
        return await ask(await trio.open_tcp_stream("127.0.0.1", uvicorn_port), request)

    theirs = seen(trio.run(uvicorns), method)
    assert seen(trio.run(over_kernel, make_app(root, []), request), method) == theirs
    assert seen(trio.run(over_memory, make_app(root, []), request), method) == theirs


def test_background_tasks_and_the_lifespan_are_run(root: Path) -> None:
    told: list[str] = []
    (reply,) = replies(trio.run(over_memory, make_app(root, told), get("/later")))
    assert (reply.status, reply.body) == (202, b"accepted")
    assert told == ["up", "worked", "down"]


def test_an_upload_is_streamed(root: Path) -> None:
    """In pieces of at most one read."""
    body = bytes(1_000_000)
    request = get("/echo", f"Content-Length: {len(body)}", method="POST") + body
    (reply,) = replies(trio.run(over_memory, make_app(root, []), request))
    assert reply.body == b"1000000"
    assert int(reply.headers["x-last"]) < 65_537


def test_a_stream_stops_when_its_client_leaves(root: Path, caplog: pytest.LogCaptureFixture) -> None:
    told: list[str] = []

    async def main() -> float:
        client, server = trio.testing.lockstep_stream_pair()
        async with hosted(make_app(root, told)) as handler, trio.open_nursery() as nursery:
            nursery.start_soon(serve_connection, server, handler, HttpConfig())
            await client.send_all(get("/endless"))
            for _ in range(10):
                await client.receive_some(10_000)
            assert told == ["up"]
            await client.aclose()
        return trio.current_time()

    assert run(main) < 12
    assert told == ["up", "stopped", "down"]
    assert caplog.records == []
