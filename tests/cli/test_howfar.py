"""How far long things are: a bar at a terminal, lines elsewhere, nothing about what is quick."""

import os
import pty
import re
import subprocess
import sys

import pytest

from pystack.cli.howfar import how_far

SCRIPT = """
import itertools
from pystack.cli.howfar import how_far
with how_far("bytes", 5000, itertools.count(0, {seconds}).__next__) as tell:
    for done in range(0, 5001, 1000):
        tell(done)
    print("meanwhile")
print("end")
"""


def at_a_terminal(seconds: float, *, stdout: int | None = None) -> str:
    """What a terminal is sent when each look at the clock finds it so much later; without what moves and colours."""
    leader, follower = pty.openpty()
    command = [sys.executable, "-c", SCRIPT.format(seconds=seconds)]
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "100"}
    process = subprocess.Popen(command, stdout=follower if stdout is None else stdout, stderr=follower, env=environment)
    os.close(follower)
    sent = b""
    try:
        while piece := os.read(leader, 65536):
            sent += piece
    except OSError:  # what Linux says at the end
        pass
    os.close(leader)
    assert process.wait(60) == 0
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", sent.decode())


def test_a_bar_at_a_terminal() -> None:
    sent = at_a_terminal(0.2)
    assert re.search(r"━ +5,000 of 5,000 bytes", sent)
    assert "meanwhile\r\n" in sent
    assert sent.endswith("end\r\n")


def test_no_bar_where_it_is_quick() -> None:
    assert at_a_terminal(0.00001) == "meanwhile\r\nend\r\n"


def test_what_goes_to_a_file_stays_in_the_file() -> None:
    reading, writing = os.pipe()
    sent = at_a_terminal(0.2, stdout=writing)
    os.close(writing)
    with os.fdopen(reading) as file:
        assert file.read() == "meanwhile\nend\n"
    assert "5,000 of 5,000 bytes" in sent
    assert "meanwhile" not in sent


def test_lines_elsewhere(capsys: pytest.CaptureFixture[str]) -> None:
    now = 0.0
    with how_far("packets", 5000, lambda: now) as tell:
        for done in range(1000, 5001, 1000):
            now += 4
            tell(done)
    assert capsys.readouterr().err == "3,000 of 5,000 packets\n"
