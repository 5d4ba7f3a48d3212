"""The programs in the README and the tutorial, run as they are written."""

import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


def example(document: str, number: int) -> str:
    """The `number`-th Python block of a document."""
    return re.findall(r"^```python\n(.*?)^```$", (ROOT / document).read_text(), re.DOTALL | re.MULTILINE)[number]


@pytest.fixture
def program(netns: Any, tmp_path: Path) -> Iterator[Any]:
    """Starts a program inside `netns`."""
    started: list[subprocess.Popen[str]] = []

    def start(source: str) -> "subprocess.Popen[str]":
        file = tmp_path / "example.py"
        file.write_text(source)
        process = subprocess.Popen(
            ["ip", "netns", "exec", netns.name, sys.executable, "-u", str(file)], stdout=subprocess.PIPE, text=True
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.kernel
def test_readme_echo_server(program: Any, netns: Any) -> None:
    server = program(example("README.md", 0))
    assert server.stdout.readline() == "try: nc 10.0.0.2 7\n"

    def client() -> bytes:
        with socket.create_connection(("10.0.0.2", 7), 20) as s:
            s.sendall(b"hello")
            return s.recv(100)

    assert netns.call(client) == b"hello"
    assert server.stdout.readline().startswith("TcpInfo(state=")


def test_readme_scripted_peer(tmp_path: Path) -> None:
    file = tmp_path / "peer.py"
    file.write_text(example("README.md", 1))
    result = subprocess.run([sys.executable, str(file)], capture_output=True, text=True, timeout=60, check=True)
    assert result.stdout == "b'hello'\n"


@pytest.mark.kernel
def test_tutorial_server(program: Any, netns: Any) -> None:
    assert program(example("docs/tutorial.md", 0)).stdout.readline() == "ready\n"

    def client() -> tuple[str, int]:
        with socket.create_connection(("10.0.0.2", 1234), 20) as s:
            return s.makefile().read(), s.getsockname()[1]

    text, port = netns.call(client)
    assert text == f"Hello 10.0.0.1, your port is {port}.\n"


@pytest.mark.kernel
def test_tutorial_client(program: Any, netns: Any, tmp_path: Path) -> None:
    (tmp_path / "a-file-to-list").touch()
    client = program(example("docs/tutorial.md", 1))
    assert client.stdout.readline() == "nobody listens on 10.0.0.1:8000 yet\n"
    server = subprocess.Popen(
        ["ip", "netns", "exec", netns.name, sys.executable, "-m", "http.server", "8000", "--bind", "10.0.0.1"],
        cwd=tmp_path,
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    try:
        out, _ = client.communicate(timeout=30)
    finally:
        server.kill()
        server.wait()
    assert client.returncode == 0
    assert "a-file-to-list" in out


def test_tutorial_two_stacks(tmp_path: Path) -> None:
    file = tmp_path / "two.py"
    file.write_text(example("docs/tutorial.md", 2))
    result = subprocess.run([sys.executable, str(file)], capture_output=True, text=True, timeout=60, check=True)
    assert result.stdout == "no kernel has seen these bytes\n"


DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_lead_somewhere(document: Path) -> None:
    links = re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", document.read_text())
    missing = [link for link in links if "://" not in link and not (document.parent / link).exists()]
    assert missing == []
