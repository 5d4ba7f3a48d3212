"""A Starlette application under `pystack serve --app` over TUN, and the same under uvicorn over kernel sockets."""

from pathlib import Path
from typing import Any

import pytest
import trio
from http_starlette import REQUESTS, ask, fill, make_app, seen, uvicorn_serving
from serving import serve

__all__ = ["serve"]

pytestmark = pytest.mark.kernel

HERE = Path(__file__).parent
APP = """
from pathlib import Path
from http_starlette import make_app
app = make_app(Path("root"), [])
"""


async def ask_all(address: str, port: int) -> dict[str, bytes]:
    return {name: await ask(await trio.open_tcp_stream(address, port), said) for name, said in REQUESTS.items()}


@pytest.mark.parametrize("address", ["10.0.0.2", "fd00:7079::2"])
def test_the_responses_are_the_same_header_by_header(
    serve: Any, netns: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    """But for the server's name and the date; see `seen`."""
    (tmp_path / "root").mkdir()
    root = fill(tmp_path / "root")
    (tmp_path / "for_serve_starlette.py").write_text(APP)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", f"{HERE.parents[1]}:{HERE}")
    with uvicorn_serving(make_app(root, [])) as port:
        theirs = trio.run(ask_all, "127.0.0.1", port)
    serving = serve("--app", "for_serve_starlette:app")
    ours = netns.call(lambda: trio.run(ask_all, address, 80))
    for name, request in REQUESTS.items():
        method = request.split()[0].decode()
        assert seen(ours[name], method) == seen(theirs[name], method), name
    assert serving.stop()[0] == 0
