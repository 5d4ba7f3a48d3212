"""The chat server of the tutorial, with and without its changes, in a namespace and in memory."""

import os
import re
import signal
import socket
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from docs_examples import blocks, output_of

CHAT, CAPTURE, INFO, IMPAIR, TRY = blocks("docs/tutorial.md")
OPEN = "    async with pystack.open_tun() as net:\n"


def two_who_talk() -> tuple[list[str], int]:
    """What Bob hears, and Ann's port; Ann then leaves by a reset."""
    with (
        socket.create_connection(("10.0.0.2", 1234), 20) as ann,
        socket.create_connection(("10.0.0.2", 1234), 20) as bob,
    ):
        port = ann.getsockname()[1]
        hears = bob.makefile()
        heard = [hears.readline()]  # that he is here
        ann.sendall(b"hel")
        ann.sendall(b"lo\nBob\n")
        heard += [hears.readline() for _ in range(2)]
        ann.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        ann.close()
        heard.append(hears.readline())
    return [line.rstrip("\n").removeprefix(f"10.0.0.1:{port}") for line in heard[1:]], port


def test_the_server_has_about_40_lines() -> None:
    assert len([line for line in CHAT.splitlines() if line]) <= 42


@pytest.mark.kernel
def test_people_chat(program: Callable[..., Any], netns: Any) -> None:
    server = program(CHAT, "chat.py")
    assert server.stdout.readline() == "ready\n"
    heard, port = netns.call(two_who_talk)
    assert heard == [": hello", ": Bob", " has left"]
    assert server.stdout.readline() == (f"10.0.0.1:{port} ConnectionResetError(104, 'Connection reset by peer')\n")


@pytest.mark.kernel
def test_ctrl_c_ends_it_and_its_connections_without_a_traceback(program: Callable[..., Any], netns: Any) -> None:
    server = program(CHAT, "chat.py")
    assert server.stdout.readline() == "ready\n"

    def ann() -> None:
        with socket.create_connection(("10.0.0.2", 1234), 20) as ann:
            assert ann.recv(100).endswith(b" is here\n")
            os.kill(server.pid, signal.SIGINT)  # Popen's own asks first whether it is a child, and here it is none
            assert ann.recv(100) == b""

    netns.call(ann)
    out, errors = server.communicate(timeout=30)
    assert (server.returncode, out, errors) == (0, "good night\n", "")


@pytest.mark.kernel
def test_the_changes_of_the_tutorial_work(program: Callable[..., Any], netns: Any, tmp_path: Path) -> None:
    assert OPEN in CHAT
    leaving = "            nursery.cancel_scope.cancel()\n"
    assert leaving in CHAT
    changed = CHAT.replace(OPEN, CAPTURE).replace(leaving, INFO + leaving)
    server = program(f"from pathlib import Path\n{changed}", "chat.py")
    assert server.stdout.readline() == "ready\n"
    netns.call(two_who_talk)
    lines = sorted(server.stdout.readline().partition(" ")[2] for _ in range(2))
    assert lines[0].startswith("ConnectionResetError(")
    assert lines[1].startswith("TcpInfo(state='CLOSE-WAIT'")
    assert (tmp_path / "chat.pcapng").stat().st_size > 1000


@pytest.mark.kernel
def test_people_chat_over_a_bad_network(program: Callable[..., Any], netns: Any) -> None:
    server = program(CHAT.replace(OPEN, IMPAIR), "chat.py")
    assert server.stdout.readline() == "ready\n"
    heard, _ = netns.call(two_who_talk)
    assert heard[:2] == [": hello", ": Bob"]


def test_the_test_of_the_tutorial(tmp_path: Path) -> None:
    (tmp_path / "chat.py").write_text(CHAT)
    assert re.fullmatch(r"100 lines in \d+ s, \d+ segments sent again\n", output_of(TRY, tmp_path))
