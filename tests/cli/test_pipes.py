"""Standard input and output of `pystack nc`: the bars of what goes through them, and what if they are closed."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from serving import PYSTACK
from terminals import Terminal, plain

SIZE = 20_000_000
SERVER = """
import socket, time
with socket.create_server(("0.0.0.0", 9000)) as server:
    print("ready", flush=True)
    connection, _ = server.accept()
if %r:
    connection.sendall(b"first ")
time.sleep(3)
count = 0
while piece := connection.recv(1 << 18):
    count += len(piece)
connection.sendall(b"%%d bytes" %% count)
connection.close()
"""
"""It makes whoever sends much wait for longer than a bar does."""
ANSWER = f"{SIZE} bytes"


@contextmanager
def served(netns: Any, early: bool = False) -> Iterator[list[str]]:
    """What runs a command beside the server, which listens then."""
    inside = ["ip", "netns", "exec", netns.name]
    subprocess.run([*inside, "ip", "link", "set", "lo", "up"], check=True)
    server = subprocess.Popen([*inside, sys.executable, "-c", SERVER % early], stdout=subprocess.PIPE)
    try:
        assert server.stdout is not None
        assert server.stdout.readline() == b"ready\n"
        yield inside
    finally:
        server.kill()
        server.communicate()


def large_file(directory: Path) -> BinaryIO:
    file = directory / "file"
    file.write_bytes(bytes(SIZE))
    return file.open("rb")


@pytest.mark.kernel
class TestNc:
    def moved(
        self, netns: Any, tmp_path: Path, *options: str, out: bool = False, err: bool = True, early: bool = False
    ) -> tuple[str, str]:
        """What standard output got, where it is no terminal, and what the terminal, with `out` and `err` on it, while
        a large file was sent. The server answers at the end, and with `early` at the beginning too.
        """
        terminal = Terminal()
        try:
            with served(netns, early) as inside, large_file(tmp_path) as file:
                done = subprocess.run(
                    [*inside, *PYSTACK, "nc", *options, "10.0.0.1", "9000"],
                    stdin=file,
                    stdout=terminal.follower if out else subprocess.PIPE,
                    stderr=terminal.follower if err else subprocess.PIPE,
                    env=os.environ | {"TERM": "xterm", "COLUMNS": "100"},
                    timeout=120,
                )
        finally:
            shown = terminal.shown()
        assert done.returncode == 0, shown
        assert not done.stderr
        return (done.stdout or b"").decode(), shown

    def test_a_bar_for_each_direction(self, netns: Any, tmp_path: Path) -> None:
        out, shown = self.moved(netns, tmp_path)
        assert out == ANSWER
        shown = plain(shown)
        assert re.search(r"sent +━+ 20\.0/20\.0 MB", shown), shown
        assert re.search(r"received +━+ 14/\? bytes", shown), shown

    @pytest.mark.parametrize(("options", "err"), [((), False), (("-q",), True), (("--quiet",), True)])
    def test_none_that_nobody_wants(self, netns: Any, tmp_path: Path, options: tuple[str, ...], err: bool) -> None:
        assert self.moved(netns, tmp_path, *options, err=err) == (ANSWER, "")

    def test_an_answer_at_the_same_terminal_comes_after_them(self, netns: Any, tmp_path: Path) -> None:
        _, shown = self.moved(netns, tmp_path, out=True)
        bars, _, rest = shown.rpartition("\x1b[?25h")  # the cursor is visible again
        assert "20.0/20.0 MB" in bars
        assert rest == ANSWER

    def test_an_answer_at_the_same_terminal_leaves_no_place_for_them(self, netns: Any, tmp_path: Path) -> None:
        assert self.moved(netns, tmp_path, out=True, early=True) == ("", f"first {ANSWER}")

    @pytest.mark.parametrize(("closed", "out"), [("<&-", "0 bytes"), ("2>&-", ANSWER)])
    def test_a_closed_descriptor_is_nobody_elses(self, netns: Any, tmp_path: Path, closed: str, out: str) -> None:
        """What is opened next gets its number, and would be read or written in its place."""
        with served(netns) as inside, large_file(tmp_path) as file:
            command = [*inside, "sh", "-c", f"{shlex.join(PYSTACK)} nc 10.0.0.1 9000 {closed}"]
            done = subprocess.run(command, stdin=file, capture_output=True, text=True, timeout=120)
        assert (done.returncode, done.stdout, done.stderr) == (0, out, "")
