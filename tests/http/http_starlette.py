"""A Starlette application, requests to it, uvicorn to say what is right, and what of an answer has to be the same."""

import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import anyio
import trio
import uvicorn
from http_exchange import get, replies
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles


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


def fill(root: Path) -> Path:
    """Puts the files there that the requests are about."""
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
    kept = {name: value for name, value in reply.headers.items() if name not in ("server", "date")}
    if "allow" in kept:  # Starlette writes a set, in another order in each process
        kept["allow"] = ", ".join(sorted(kept["allow"].split(", ")))
    headers = sorted(f"{name}: {value}" for name, value in kept.items())
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


@contextmanager
def uvicorn_serving(app: Starlette) -> Iterator[int]:
    """Serves `app` over kernel sockets on 127.0.0.1; the port."""
    server = Uvicorn(app)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        assert server.ready.wait(20)
        yield server.port
    finally:
        server.should_exit = True
        thread.join()
