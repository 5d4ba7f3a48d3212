"""The bars of `pystack nc`: when there are some, and what never meets them."""

import io
import os
import pty
import re
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
import trio
from rich.console import Console
from serving import PYSTACK
from trio.testing import MockClock

from pystack.cli.progress import Bars

CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
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


def test_a_bar_waits_for_what_is_long() -> None:
    clock = MockClock()
    terminal = io.StringIO()

    async def main() -> None:
        bars = Bars({"sent": 100}, Console(file=terminal, force_terminal=True, width=100))
        bars.advance("sent", 10)
        clock.jump(0.9)
        bars.advance("sent", 10)
        assert terminal.getvalue() == ""
        clock.jump(0.2)
        bars.advance("sent", 10)
        bars.advance("received", 7)
        bars.stop()
        shown = CONTROL.sub("", terminal.getvalue())
        assert re.search(r"sent +[━╸╺]+ 30/100 bytes", shown)
        assert re.search(r"received +[━╸╺]+ 7/\? bytes", shown)
        bars.advance("sent", 70)
        bars.stop()
        assert CONTROL.sub("", terminal.getvalue()) == shown

    trio.run(main, clock=clock)


@pytest.mark.parametrize("interactive", [True, False], ids=["", "dumb"])
def test_what_is_quick_has_no_bar(interactive: bool) -> None:
    clock = MockClock()
    terminal = io.StringIO()

    async def main() -> None:
        bars = Bars({}, Console(file=terminal, force_terminal=True, force_interactive=interactive))
        bars.advance("sent", 10)
        bars.stop()
        clock.jump(2)
        bars.advance("sent", 10)  # too late
        bars.stop()

    trio.run(main, clock=clock)
    assert terminal.getvalue() == ""


class Terminal:
    """A terminal, and all that is written to it."""

    def __init__(self) -> None:
        self._leader, self.follower = pty.openpty()
        self._pieces: list[bytes] = []
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self) -> None:
        try:
            while piece := os.read(self._leader, 65536):
                self._pieces.append(piece)
        except OSError:  # as Linux ends it
            pass

    def close(self) -> str:
        os.close(self.follower)
        self._thread.join()
        os.close(self._leader)
        return b"".join(self._pieces).decode()


@pytest.mark.kernel
class TestNc:
    def moved(
        self, netns: Any, tmp_path: Path, *options: str, out: bool = False, err: bool = True, early: bool = False
    ) -> tuple[str, str]:
        """What standard output got, where it is no terminal, and what the terminal, with `out` and `err` on it, while
        a large file was sent. The server answers at the end, and with `early` at the beginning too.
        """
        inside = ["ip", "netns", "exec", netns.name]
        subprocess.run([*inside, "ip", "link", "set", "lo", "up"], check=True)
        (tmp_path / "file").write_bytes(bytes(SIZE))
        server = subprocess.Popen([*inside, sys.executable, "-c", SERVER % early], stdout=subprocess.PIPE)
        terminal = Terminal()
        try:
            assert server.stdout is not None
            assert server.stdout.readline() == b"ready\n"
            with (tmp_path / "file").open("rb") as file:
                done = subprocess.run(
                    [*inside, *PYSTACK, "nc", *options, "10.0.0.1", "9000"],
                    stdin=file,
                    stdout=terminal.follower if out else subprocess.PIPE,
                    stderr=terminal.follower if err else subprocess.PIPE,
                    env=os.environ | {"TERM": "xterm", "COLUMNS": "100"},
                    timeout=120,
                )
        finally:
            server.kill()
            server.communicate()
            shown = terminal.close()
        assert done.returncode == 0, shown
        assert not done.stderr
        return (done.stdout or b"").decode(), shown

    def test_a_bar_for_each_direction(self, netns: Any, tmp_path: Path) -> None:
        out, shown = self.moved(netns, tmp_path)
        assert out == ANSWER
        plain = CONTROL.sub("", shown)
        assert re.search(r"sent +━+ 20\.0/20\.0 MB", plain), plain
        assert re.search(r"received +━+ 14/\? bytes", plain), plain

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
