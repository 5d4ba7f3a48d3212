"""`pystack serve --app`, and what its time-outs do to the kernel's clients."""

import errno
import json
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]

APP = """
from contextlib import asynccontextmanager
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

async def echo(request):
    return JSONResponse({"got": len(await request.body()), "client": request.client.host, **request.state._state})

@asynccontextmanager
async def life(app):
    yield {"up": True}
    print("down", flush=True)

class namespace:
    app = Starlette(
        routes=[Route("/echo", echo, methods=["POST"]), Mount("/", StaticFiles(directory="files"))], lifespan=life
    )
"""
FAILING = """
async def app(scope, receive, send):
    await receive()
    await send({"type": "lifespan.startup.failed", "message": "no database today"})
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with an application that the path does not lead to."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "large").write_bytes(bytes(range(256)) * 40_000)
    (tmp_path / "for_serve.py").write_text(APP)
    (tmp_path / "for_serve_failing.py").write_text(FAILING)
    (tmp_path / "for_serve_broken.py").write_text("import no_such_module_at_all")
    (tmp_path / "for_serve_wrong.py").write_text("1 / 0")
    return tmp_path


def refused(*args: str) -> tuple[int, str]:
    result = subprocess.run(
        [sys.executable, "-m", "pystack", "serve", *args], capture_output=True, text=True, timeout=60
    )
    assert result.stdout == ""
    return result.returncode, result.stderr


def test_an_application_that_cannot_start_ends_the_command(here: Path) -> None:
    assert refused("--app", "for_serve_failing:app") == (1, "pystack: no database today\n")


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("for_serve_broken", "it needs a module no_such_module_at_all"),
        ("for_serve_wrong", "ZeroDivisionError: division"),
    ],
)
def test_an_import_that_fails_is_one_sentence(here: Path, name: str, why: str) -> None:
    status, sentence = refused("--app", f"{name}:app")
    assert status == 2
    assert why in sentence
    assert sentence.count("\n") == 1


@pytest.mark.kernel
def test_an_application_over_tun(serve: Any, run: Any, here: Path) -> None:
    serving = serve("--app", "for_serve:namespace.app", "--access-log", "--max-body", "200000")
    upload = run("curl", "-sS", "--data-binary", f"@{here}/for_serve.py", "http://10.0.0.2/echo").stdout
    assert json.loads(upload) == {"got": len(APP), "client": "10.0.0.1", "up": True}
    large = here / "files" / "large"
    assert run("curl", "-sS", "http://10.0.0.2/large").stdout == large.read_bytes()
    too_large = run("curl", "-sS", "-w", "%{http_code}", "--data-binary", f"@{large}", "http://10.0.0.2/echo").stdout
    assert too_large.endswith(b"413")
    status, out, err = serving.stop()
    assert (status, out) == (0, "down\n")
    assert [line.split('"')[2].split()[0] for line in err.splitlines()] == ["200", "200", "413"]


@pytest.mark.kernel
def test_a_client_that_takes_nothing_is_reset(serve: Any, here: Path, netns: Any) -> None:
    serving = serve("--root", "files", "--write-timeout", "0.2", "--access-log")

    def scenario() -> str:
        with socket.socket() as s:
            s.settimeout(20)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 10_000)
            s.connect(("10.0.0.2", 80))
            s.sendall(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
            error = 0
            while not error:  # without reading anything
                error = s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            return errno.errorcode[error]

    assert netns.call(scenario) == "ECONNRESET"
    assert serving.stop()[2].strip().endswith('"the client took nothing for 0.2 s"')


@pytest.mark.kernel
def test_a_slow_head_is_a_408_and_a_fin(serve: Any, here: Path, netns: Any) -> None:
    serve("--root", "files", "--header-timeout", "0.2")

    def scenario() -> bytes:
        with socket.create_connection(("10.0.0.2", 80), 20) as s:
            s.sendall(b"GET / HTTP/1.1\r\n")
            with s.makefile("rb") as file:
                return file.read()  # a RST would raise

    assert netns.call(scenario).startswith(b"HTTP/1.1 408 Request Timeout\r\n")
