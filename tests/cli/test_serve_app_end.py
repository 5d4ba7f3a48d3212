"""The end of an application under `pystack serve` while a request never ends."""

import os
import signal
import socket
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.kernel

APP = """
import trio

async def app(scope, receive, send):
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": b"", "more_body": True})
        await trio.sleep_forever()
    await receive()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    print("down", flush=True)
    await send({"type": "lifespan.shutdown.complete"})
"""


@pytest.mark.parametrize(("grace", "signals", "said"), [("0.2", 1, "down\n"), ("3600", 2, "")])
def test_the_application_hears_of_the_end_but_for_a_second_signal(
    serve: Any, netns: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, grace: str, signals: int, said: str
) -> None:
    (tmp_path / "for_serve_end.py").write_text(APP)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    server = serve("--app", "for_serve_end:app", "--grace", grace)

    def scenario() -> None:
        with (
            socket.create_connection(("10.0.0.2", 80), 30) as s,
            socket.create_connection(("10.0.0.2", 80), 30) as idle,
        ):
            s.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert s.recv(1000)
            if signals == 2:
                os.kill(server.process.pid, signal.SIGTERM)
                assert idle.recv(1) == b""  # the first signal was heard

    netns.call(scenario)
    assert server.stop(signal.SIGTERM) == (0, said, "")
