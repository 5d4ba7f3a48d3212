"""The programs in the README and in how-to pages, run as they are written."""

import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from docs_examples import DOCUMENTS, ROOT, blocks, example, output_of


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
    server.send_signal(signal.SIGINT)
    assert server.communicate(timeout=30) == ("good night\n", "")


def test_readme_scripted_peer(tmp_path: Path) -> None:
    assert output_of(example("README.md", 1), tmp_path) == "b'hello'\n"


@pytest.mark.kernel
def test_how_to_server(program: Any, netns: Any) -> None:
    server = program(example("docs/how-to/server.md", 0))
    assert server.stdout.readline() == "port 1234: EADDRINUSE\n"
    assert server.stdout.readline() == "try: nc 10.0.0.2 1234\n"

    def client() -> tuple[str, int]:
        with socket.create_connection(("10.0.0.2", 1234), 20) as s:
            s.sendall(b"what is not read resets a connection")
            return s.makefile().read(), s.getsockname()[1]

    text, port = netns.call(client)
    assert text == f"Hello 10.0.0.1, your port is {port}.\n"


@pytest.mark.kernel
def test_how_to_datagrams(program: Any, netns: Any) -> None:
    assert program(example("docs/how-to/server.md", 1)).stdout.readline() == "try: nc -u 10.0.0.2 5353\n"

    def client() -> bytes:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(20)
            s.sendto(b"hello", ("10.0.0.2", 5353))
            return s.recv(100)

    assert netns.call(client) == b"HELLO"


@pytest.mark.kernel
def test_how_to_client(program: Any, netns: Any, tmp_path: Path) -> None:
    (tmp_path / "a-file-to-list").touch()
    client = program(example("docs/how-to/client.md", 0))
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


@pytest.mark.parametrize(("page", "number"), [("client.md", 1), ("other-systems.md", 0)])
def test_a_program_prints_what_its_page_says(page: str, number: int, tmp_path: Path) -> None:
    said = re.search(r"^It prints `([^`]*)`", (ROOT / "docs" / "how-to" / page).read_text(), re.MULTILINE)
    assert said is not None
    assert output_of(example(f"docs/how-to/{page}", number), tmp_path) == f"{said[1]}\n"


def test_how_to_congestion_control(tmp_path: Path) -> None:
    """Both get through. How fast differs a little, since trio shuffles tasks."""
    (program,) = blocks("docs/how-to/congestion-control.md")
    lines = output_of(program, tmp_path).splitlines()
    assert [re.sub(r"\d+\.\d s$", "… s", line) for line in lines] == ["reno … s", "gentle … s"]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_lead_somewhere(document: Path) -> None:
    text = re.sub(r"^```.*?^```$", "", document.read_text(), flags=re.DOTALL | re.MULTILINE)
    links = re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", text)
    missing = [link for link in links if "://" not in link and not (document.parent / link).exists()]
    assert missing == []
