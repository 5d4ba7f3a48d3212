"""A Starlette application: here over memory and kernel sockets, and under uvicorn over kernel sockets."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import trio
import trio.testing
from http_exchange import get, read_all, replies, run, say
from http_starlette import REQUESTS, ask, fill, make_app, seen, uvicorn_serving
from starlette.applications import Starlette

from pystack.http import HttpConfig, hosted, serve_connection


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fill(tmp_path_factory.mktemp("root"))


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


@pytest.fixture(scope="module")
def uvicorn_port(root: Path) -> Iterator[int]:
    with uvicorn_serving(make_app(root, [])) as port:
        yield port


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
