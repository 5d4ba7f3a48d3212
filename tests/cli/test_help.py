"""`--help`: what everybody reads first."""

import os
import re
import subprocess

import pytest
from serving import PYSTACK
from terminals import plain, shown_at_a_terminal

COMMANDS = ("serve", "demo", "stat", "nc", "ping", "drill", "doctor")
PLAIN = os.environ | {"COLUMNS": "80"}


def shown(*args: str) -> str:
    done = subprocess.run([*PYSTACK, *args], capture_output=True, text=True, timeout=60, env=PLAIN)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_the_list_of_commands_is_not_cut() -> None:
    lines = shown("--help").partition("Commands:\n")[2].splitlines()
    assert [line.split()[0] for line in lines] == list(COMMANDS)
    assert all(line.endswith(".") and not line.endswith("...") for line in lines), lines


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_short_and_long_and_no_types_of_python(command: str) -> None:
    words = [command] if command else []
    text = shown(*words, "--help")
    assert shown(*words, "-h") == text
    assert "-h, --help" in text
    assert not re.search(r"<\w|INTEGER|FLOAT|TEXT|BOOLEAN", text), text
    assert not re.search(r"[╭│╰\x1b]", text), "plain where it is not a terminal"


@pytest.mark.parametrize("args", [["--help"], ["serve", "--help"], ["ping", "--help"]])
def test_at_a_terminal(args: list[str]) -> None:
    environment = PLAIN | {"TERM": "xterm"}
    environment.pop("NO_COLOR", None)
    status, shown = shown_at_a_terminal([*PYSTACK, *args], environment)
    assert status == 0
    text = plain(shown)
    assert "╭─ Options" in text
    assert not re.search(r"<\w", text), text


@pytest.mark.parametrize(("args", "command"), [(["--nope"], ""), (["serve", "--nope"], " serve"), (["ping"], " ping")])
def test_usage_errors_point_to_it(args: list[str], command: str) -> None:
    done = subprocess.run([*PYSTACK, *args], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert re.search(rf"\(see `.*pystack{command} --help`\)\n$", done.stderr)
    assert done.stderr.count("\n") == 1
