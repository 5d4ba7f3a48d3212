"""What `pystack stat` makes of answers that are not what they should be, and how it shows those that are."""

import copy
import io
import itertools
import json
import os
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console
from serving import PYSTACK

from pystack.cli import asking
from pystack.cli.asking import Answers, ask_all
from pystack.cli.statrows import lines_of
from pystack.cli.stattable import picture

NAMES = {"local_address": "::1", "local_port": 1, "remote_address": "::1", "remote_port": 2}
RESTING = NAMES | {"state": "TIME-WAIT", "unread": 0, "unsent": 0, "info": None}
INFO = {"rtt": 1500, "snd_cwnd": 10, "unacked": 3, "total_retrans": 4}
LIVE = NAMES | {"state": "ESTABLISHED", "unread": 5, "unsent": 6, "info": INFO}
STACK: dict[str, Any] = {
    "device": "t",
    "pid": 1,
    "addresses": ["::1"],
    "mtu": 1500,
    "uptime": 1.0,
    "memory": 0,
    "counters": {"TcpInSegs": 7},
    "connections": [LIVE],
    "listeners": [{"local_address": "0.0.0.0", "local_port": 80, "half_open": 0, "waiting": 2, "backlog": 5}],
    "datagrams": [{"local_address": "::", "local_port": 7, "remote_address": None, "remote_port": None}],
    "echoes": [{"local_address": "0.0.0.0", "identifier": 99, "remote_address": "10.0.0.1"}],
}


@pytest.fixture(autouse=True)
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "pystack"
    place.mkdir(mode=0o700)
    monkeypatch.setenv("PYSTACK_RUNTIME_DIR", str(place))
    return place


@contextmanager
def speaking(path: Path, pieces: Callable[[], Iterator[bytes]], *, then_hang: bool = False) -> Iterator[None]:
    """Somebody who says these pieces to each asker."""
    done = threading.Event()

    def speak() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                try:
                    for piece in pieces():
                        connection.sendall(piece)
                except OSError:
                    continue  # it has heard enough
                if then_hang:
                    done.wait()

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        thread = threading.Thread(target=speak)
        thread.start()
        try:
            yield
        finally:
            done.set()
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def answers_of(runtime: Path, *pieces: bytes, then_hang: bool = False) -> Answers:
    with speaking(runtime / "tun0.12.sock", lambda: iter(pieces), then_hang=then_hang):
        return ask_all()


def test_a_proper_answer(runtime: Path) -> None:
    assert answers_of(runtime, json.dumps(STACK | {"more": [1]}).encode()) == Answers([STACK | {"more": [1]}], [])


def test_one_that_says_nothing_is_just_ending(runtime: Path) -> None:
    assert answers_of(runtime) == Answers([], [])


@pytest.mark.parametrize("pieces", [[], [b"{"]])
def test_one_that_hangs(runtime: Path, monkeypatch: pytest.MonkeyPatch, pieces: list[bytes]) -> None:
    monkeypatch.setattr(asking, "_SECONDS", 0.05)
    sentence = "the pystack serve of process 12 on tun0 did not say within 0.05 seconds what it is doing"
    assert answers_of(runtime, *pieces, then_hang=True) == Answers([], [sentence])


def test_one_that_never_ends_is_left_at_the_deadline(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says something all the time, so that no single wait is long; each look at the clock is a second later."""
    seconds = itertools.count()
    monkeypatch.setattr(asking, "time", SimpleNamespace(monotonic=lambda: next(seconds)))
    monkeypatch.setattr(asking, "_MOST_BYTES", 1 << 20)
    with speaking(runtime / "tun0.12.sock", lambda: iter(lambda: b" ", b"")):
        (sentence,) = ask_all().failures
    assert "did not say within" in sentence
    assert next(seconds) == 6


def test_one_that_says_too_much(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "_MOST_BYTES", 1 << 20)
    with speaking(runtime / "tun0.12.sock", lambda: iter(lambda: bytes(65_536), b"")):
        assert ask_all().failures == ["the pystack serve of process 12 on tun0 says more than 1 MiB"]


@pytest.mark.parametrize("said", [b"hello", b"\xff", b'{"pid": 1', b"[" * 100_000])
def test_no_json(runtime: Path, said: bytes) -> None:
    (sentence,) = answers_of(runtime, said).failures
    assert "answers in no JSON" in sentence


def broken(*path: Any, value: Any = ...) -> dict[str, Any]:
    """`STACK` with another value, or none, in one place."""
    changed: Any = copy.deepcopy(STACK)
    place = changed
    for step in path[:-1]:
        place = place[step]
    if value is ...:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return dict(changed)


@pytest.mark.parametrize(
    "answer",
    [
        [],
        3,
        {},
        broken("pid", value="1"),
        broken("pid", value=True),
        broken("uptime", value=None),
        broken("addresses", value="::1"),
        broken("addresses", 0, value=1),
        broken("counters", "TcpInSegs", value="many"),
        broken("counters", value=[]),
        broken("connections", value={}),
        broken("connections", 0, "state"),
        broken("connections", 0, "info", value=1),
        broken("connections", 0, "info", "rtt"),
        broken("connections", 0, "remote_port", value=None),
        broken("listeners", 0, "waiting", value=1.5),
        broken("datagrams", 0, "remote_port", value="7"),
        broken("echoes", 0, "identifier"),
        broken("echoes"),
    ],
)
def test_json_of_another_shape(runtime: Path, answer: object) -> None:
    sentence = "the pystack serve of process 12 on tun0 answers in another form: is it another version?"
    assert answers_of(runtime, json.dumps(answer).encode()) == Answers([], [sentence])


def stat(*args: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([*PYSTACK, "stat", *args], capture_output=True, text=True, timeout=60)


def test_the_others_are_shown_all_the_same(runtime: Path) -> None:
    with (
        speaking(runtime / "t.1.sock", lambda: iter([json.dumps(STACK).encode()])),
        speaking(runtime / "u.2.sock", lambda: iter([b"?"])),
    ):
        done, as_json = stat(), stat("--json")
    assert (done.returncode, as_json.returncode) == (1, 1)
    assert done.stdout.splitlines() == list(lines_of([STACK]))
    assert json.loads(as_json.stdout) == {"stacks": [STACK]}
    assert done.stderr == as_json.stderr
    assert done.stderr == "pystack: the pystack serve of process 2 on u answers in no JSON: is it another program?\n"


@pytest.mark.parametrize("args", [[], ["--json"], ["--json", "--watch", "0.01"]])
def test_a_reader_that_stops_reading(runtime: Path, args: list[str]) -> None:
    """The end of other Unix tools: by the signal, without a word."""
    long = STACK | {"counters": {f"Counter{number}": number for number in range(50_000)}}
    with speaking(runtime / "t.1.sock", lambda: iter([json.dumps(long).encode()])):
        process = subprocess.Popen([*PYSTACK, "stat", *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert process.stdout is not None
        assert process.stdout.read(10)
        process.stdout.close()
        _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (-signal.SIGPIPE, b"")


def test_rounds_are_kept_apart(runtime: Path) -> None:
    with speaking(runtime / "t.1.sock", lambda: iter([json.dumps(STACK).encode()])):
        process = subprocess.Popen([*PYSTACK, "stat", "--watch", "0.01"], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        one = list(lines_of([STACK]))
        lines = [process.stdout.readline().rstrip("\n") for _ in range(2 * len(one) + 3)]
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert process.returncode == 0
    assert lines[1 : len(one) + 1] == lines[len(one) + 3 :] == one
    assert lines[len(one) + 1] == ""
    for stamp in (lines[0], lines[len(one) + 2]):
        assert [len(part) for part in stamp.split()] == [10, 8], stamp


def test_empty_lines_between_the_parts() -> None:
    lines = list(lines_of([STACK, STACK | {"counters": {}}]))
    assert [line.split()[:1] for line in lines] == [
        ["t"],
        [],
        *([name] for name in ("state", "LISTEN", "UDP", "ICMP", "ESTABLISHED")),
        [],
        ["TcpInSegs"],
        [],
        ["t"],
        [],
        *([name] for name in ("state", "LISTEN", "UDP", "ICMP", "ESTABLISHED")),
    ]


def test_every_kind_of_socket() -> None:
    rows = [line.split() for line in lines_of([STACK])][3:7]
    assert rows == [
        ["LISTEN", "2", "0.0.0.0:80", "*"],
        ["UDP", "[::]:7", "*"],
        ["ICMP", "0.0.0.0:99", "10.0.0.1"],
        ["ESTABLISHED", "5", "6", "[::1]:1", "[::1]:2", "1.5", "10", "3", "4"],
    ]


def test_connections_in_time_wait_are_one_line() -> None:
    lines = list(lines_of([STACK | {"listeners": [], "datagrams": [], "echoes": [], "connections": [RESTING] * 5}]))
    assert lines[3].split() == ["TIME-WAIT", "5", "of", "them"]
    assert lines[4] == ""


@pytest.mark.parametrize("width", [60, 120])
def test_the_picture_says_the_same(width: int) -> None:
    """Whatever the width: nothing is cut."""
    console = Console(width=width, record=True, file=io.StringIO())
    console.print(picture([STACK], ["one is silent"], "now"))
    shown = console.export_text()
    for word in (
        "now",
        "one is silent",
        "t of process 1",
        "LISTEN",
        "UDP",
        "ICMP",
        "ESTABLISHED",
        "1.5",
        "TcpInSegs 7",
    ):
        assert word in shown
    assert "…" not in shown
    if width == 120:
        row = next(line for line in shown.splitlines() if line.startswith("ESTABLISHED"))
        assert row.split() == ["ESTABLISHED", "5", "6", "[::1]:1", "[::1]:2", "1.5", "10", "3", "4"]


def test_at_a_terminal(runtime: Path) -> None:
    """Colours and a table; with `--watch` one picture in the place of the last, until Ctrl-C."""
    with speaking(runtime / "t.1.sock", lambda: iter([json.dumps(STACK).encode()])):
        once = at_a_terminal()
        watched = at_a_terminal("--watch", "0.01", rounds=3)
    assert "\x1b[32mESTABLISHED" in once
    assert "\x1b[?25l" not in once
    assert "\x1b[?25l" in watched, "the cursor is hidden"
    assert watched.rstrip().endswith("\x1b[?25h"), "and shown again"
    assert "\x1b[1A" in watched


def at_a_terminal(*args: str, rounds: int = 1) -> str:
    ours, theirs = os.openpty()
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "120", "LINES": "50"}
    environment.pop("NO_COLOR", None)
    process = subprocess.Popen(
        [*PYSTACK, "stat", *args], stdin=theirs, stdout=theirs, stderr=theirs, env=environment, start_new_session=True
    )
    os.close(theirs)
    said, asked = b"", False
    try:
        while data := os.read(ours, 65_536):
            said += data
            if args and said.count(b"TcpInSegs") >= rounds and not asked:
                asked = True  # a second time would strike the end that the first one begins
                process.send_signal(signal.SIGINT)
    except OSError:
        pass  # the other end is closed
    os.close(ours)
    assert process.wait(60) == 0, said
    return said.decode()


def test_nobody_to_ask() -> None:
    done = stat()
    assert (done.returncode, done.stdout) == (2, "")
    assert "no pystack serve of this user is running here" in done.stderr
