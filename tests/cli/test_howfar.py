"""How far long things are: a bar at a terminal, lines elsewhere, nothing about what is quick."""

import io
import os
import re
import sys
from collections.abc import Callable

import pytest
from rich.console import Console
from terminals import plain, shown_at_a_terminal

from pystack.cli.howfar import Bars, how_far

SCRIPT = """
import itertools
from pystack.cli.howfar import how_far
with how_far({unit!r}, 5000, itertools.count(0, {seconds}).__next__) as tell:
    for done in range(0, 5001, 1000):
        tell(done)
    print("meanwhile")
print("end")
"""


def at_a_terminal(seconds: float, *, unit: str = "bytes", stdout: int | None = None) -> str:
    """What a terminal is sent when each look at the clock finds it so much later."""
    command = [sys.executable, "-c", SCRIPT.format(seconds=seconds, unit=unit)]
    status, shown = shown_at_a_terminal(command, os.environ | {"TERM": "xterm", "COLUMNS": "100"}, stdout=stdout)
    assert status == 0
    return shown


@pytest.mark.parametrize(("unit", "amount"), [("bytes", "5.0/5.0 kB"), ("packets", "5000/5000")])
def test_a_bar_at_a_terminal_goes_away(unit: str, amount: str) -> None:
    sent = at_a_terminal(0.4, unit=unit)
    assert re.search(rf"{unit} +━+ {amount} ", plain(sent))
    last_bar, _, rest = sent.rpartition(amount)
    assert "\x1b[2Kmeanwhile\r\n" in last_bar, "in its place, and the bar below it"
    assert rest.endswith("\r\x1b[1A\x1b[2Kend\r\n"), "its line is wiped out"


def test_no_bar_where_it_is_quick() -> None:
    assert at_a_terminal(0.00001) == "meanwhile\r\nend\r\n"


def test_what_goes_to_a_file_stays_in_the_file() -> None:
    reading, writing = os.pipe()
    sent = at_a_terminal(0.4, stdout=writing)
    os.close(writing)
    with os.fdopen(reading) as file:
        assert file.read() == "meanwhile\nend\n"
    assert "5.0/5.0 kB" in sent
    assert "meanwhile" not in sent


def test_lines_elsewhere(capsys: pytest.CaptureFixture[str]) -> None:
    now = 0.0
    with how_far("packets", 5000, lambda: now) as tell:
        for done in range(1000, 5001, 1000):
            now += 4
            tell(done)
    assert capsys.readouterr().err == "3,000 of 5,000 packets\n"


class TestBarsThatStay:
    def bars(self, terminal: io.StringIO, clock: Callable[[], float], **totals: int) -> Bars:
        console = Console(file=terminal, force_terminal=True, width=100)
        return Bars(totals, "bytes", clock, lasting=True, console=console)

    def test_one_for_each_name_once_it_takes_long(self) -> None:
        now, terminal = 0.0, io.StringIO()
        bars = self.bars(terminal, lambda: now, sent=100)
        bars.tell("sent", 10)
        now = 0.99
        bars.tell("sent", 20)
        assert terminal.getvalue() == ""
        now = 1.01
        bars.tell("sent", 30)
        bars.tell("received", 7)
        bars.stop()
        shown = terminal.getvalue()
        assert re.search(r"sent +[━╸╺]+ 30/100 bytes", plain(shown))
        assert re.search(r"received +[━╸╺]+ 7/\? bytes", plain(shown))
        assert "\x1b[2K" not in shown.rpartition("7/? bytes")[2]
        bars.tell("sent", 70)
        bars.stop()
        assert terminal.getvalue() == shown

    def test_none_for_what_is_quick(self) -> None:
        now, terminal = 0.0, io.StringIO()
        bars = self.bars(terminal, lambda: now)
        bars.tell("sent", 10)
        bars.stop()
        now = 2.0
        bars.tell("sent", 20)  # too late
        bars.stop()
        assert terminal.getvalue() == ""
