"""A `pystack serve` in a network namespace of its own, and kernel clients beside it."""

import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

READY_SECONDS = 30
PYSTACK = (sys.executable, "-m", "pystack")


class Serving:
    """A running server. `urls` is its ready line."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        assert process.stdout is not None
        self.ready_line = process.stdout.readline()
        self.urls = self.ready_line.split()

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, str, str]:
        """Sends the signal; returns exit status, what else came on standard output, and standard error."""
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=READY_SECONDS)
        return self.process.returncode, out, err


Starter = Callable[..., Serving]


@pytest.fixture
def serve(netns: Any) -> Iterator[Starter]:
    """Starts `pystack serve ARGS` inside `netns` and waits for its ready line."""
    started: list[subprocess.Popen[str]] = []

    def start(*args: str) -> Serving:
        process = subprocess.Popen(
            ["ip", "netns", "exec", netns.name, *PYSTACK, "serve", *args],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        serving = Serving(process)
        if not serving.urls:
            _, err = process.communicate(timeout=READY_SECONDS)
            raise AssertionError(f"pystack serve did not come up: {err}")
        return serving

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
            process.communicate()


@pytest.fixture
def run(netns: Any) -> Callable[..., "subprocess.CompletedProcess[bytes]"]:
    """Runs a command inside `netns` to its end."""

    def inside(*argv: str, check: bool = True, timeout: float = 120) -> "subprocess.CompletedProcess[bytes]":
        if shutil.which(argv[0]) is None:
            pytest.skip(f"{argv[0]} is not installed")
        return subprocess.run(
            ["ip", "netns", "exec", netns.name, *argv], capture_output=True, check=check, timeout=timeout
        )

    return inside


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A directory to serve."""
    (tmp_path / "root").mkdir()
    return tmp_path / "root"


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the control sockets of this test's servers are; none of another test or program is seen."""
    monkeypatch.setenv("PYSTACK_RUNTIME_DIR", str(tmp_path / "pystack"))
    return tmp_path / "pystack"
