"""Programs and libraries that were written for the kernel's sockets, on simulated hosts, over a link with losses."""

import runpy
import subprocess
import sys
import tarfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio
from sim_programs import forwarder
from trio_websocket import ConnectionClosed, WebSocketRequest, open_websocket_url, serve_websocket

from pystack.http import Exchange, HttpConfig, Response, plain, serve_http
from pystack.sim import Network
from pystack.testing import HostPair

LOSSY = {"rate": "20 Mbit/s", "delay": "40 ms", "queue": "64 packets", "loss": 0.05}
pytestmark = pytest.mark.parametrize("host_pair", [LOSSY], ids=["lossy"], indirect=True)


async def web_server() -> None:
    async def handler(exchange: Exchange) -> Response | None:
        if exchange.request.method == b"POST":
            exchange.start(200)
            while piece := await exchange.receive():
                await exchange.send(piece.upper())
            await exchange.end()
            return None
        if exchange.request.path == b"/page":
            return Response(200, ((b"Content-Type", b"text/plain"),), b"x" * 50_000)
        return plain(404)

    await serve_http(await trio.open_tcp_listeners(80), handler, HttpConfig())


def test_httpx(lab: Network, host_pair: HostPair) -> None:
    a, b, _ = host_pair

    async def client() -> list[int]:
        async with httpx.AsyncClient(base_url="http://b") as http:
            answers = [await http.get("/page") for _ in range(5)]
            assert {answer.text for answer in answers} == {"x" * 50_000}
            upper = await http.post("/upper", content=b"hello" * 10_000)
            assert upper.content == b"HELLO" * 10_000
            statuses = [answer.status_code for answer in answers]
            async with trio.open_nursery() as nursery:  # and some at the same time

                async def get(path: str) -> None:
                    statuses.append((await http.get(path)).status_code)

                for path in ("/page", "/none", "/page"):
                    nursery.start_soon(get, path)
            with pytest.raises(httpx.ConnectError):
                await http.get("http://b:81/")
            with pytest.raises(httpx.ConnectError):
                await http.get("http://nowhere/")
        return sorted(statuses)

    async def main() -> list[int]:
        b.start_soon(web_server)
        await trio.sleep(1)
        return await a.run(client)

    assert lab.run(main) == [200] * 7 + [404]
    assert a.metrics["TcpActiveOpens"] <= 4 + 1, "one connection for many requests"
    assert_lossy(lab)


def test_httpx_gives_up_when_the_server_crashes(lab: Network, host_pair: HostPair) -> None:
    a, b, _ = host_pair

    async def client() -> None:
        async with httpx.AsyncClient(base_url="http://b", timeout=httpx.Timeout(30)) as http:
            assert (await http.get("/page")).status_code == 200
            b.crash()
            before = trio.current_time()
            with pytest.raises(httpx.ReadTimeout):
                await http.get("/page")
            assert trio.current_time() - before == pytest.approx(30, abs=0.001)

    async def main() -> None:
        b.start_soon(web_server)
        await trio.sleep(1)
        await a.run(client)

    lab.run(main)


def test_trio_websocket(lab: Network, host_pair: HostPair) -> None:
    a, b, _ = host_pair

    async def server() -> None:
        async def echo(request: WebSocketRequest) -> None:
            socket = await request.accept()
            try:
                while True:
                    await socket.send_message(await socket.get_message())
            except ConnectionClosed:
                pass

        await serve_websocket(echo, None, 8000, ssl_context=None)

    async def client() -> None:
        async with open_websocket_url("ws://b:8000/") as socket:
            for message in ("hello", b"\x00" * 100_000, "ü" * 10_000):
                await socket.send_message(message)
                assert await socket.get_message() == message
            await socket.ping()
            assert socket.remote is not None

    async def main() -> None:
        b.start_soon(server)
        await trio.sleep(1)
        await a.run(client)

    lab.run(main)
    assert_lossy(lab)


@pytest.fixture(scope="module")
def tutorial(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of trio's own tutorial, from the source distribution of the trio that is installed."""
    directory = tmp_path_factory.mktemp("trio")
    wanted = f"trio=={trio.__version__}"
    pip = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "-q",
        "--no-deps",
        "--no-binary",
        "trio",
        "-d",
        str(directory),
        wanted,
    ]
    if subprocess.run(pip, capture_output=True, check=False).returncode:
        pytest.skip(f"the sources of {wanted} cannot be fetched")
    with tarfile.open(next(directory.glob("trio-*.tar.gz"))) as archive:
        archive.extractall(directory, filter="data")
    return next(directory.glob("trio-*/docs/source/tutorial"))


def program_of(path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Awaitable[Any]]:
    """What a program gives to `trio.run`."""
    given: list[Callable[[], Awaitable[Any]]] = []
    with monkeypatch.context() as patch:
        patch.setattr(trio, "run", given.append)
        runpy.run_path(str(path), run_name="__main__")
    (program,) = given
    return program


def test_the_echo_programs_of_trios_tutorial(
    lab: Network,
    host_pair: HostPair,
    tutorial: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    server, client = (program_of(tutorial / f"echo-{which}.py", monkeypatch) for which in ("server", "client"))
    a, b, _ = host_pair

    async def main() -> None:
        b.start_soon(server)
        a.start_soon(forwarder, 12345, "b")  # the client speaks to its own machine
        await trio.sleep(1)
        with trio.move_on_after(60):
            await a.run(client)

    lab.run(main)
    said = capsys.readouterr().out
    assert said.count("sender: sending") == 60
    assert said.count("echo_server 0: received data") >= 59
    assert said.count("receiver: got data") >= 59
    assert_lossy(lab)


def assert_lossy(lab: Network) -> None:
    """Packets were lost, and sent again."""
    assert sum(host.metrics.get("TcpRetransSegs", 0) for host in lab.hosts) > 0
