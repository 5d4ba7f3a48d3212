"""Programs of the documentation that run in a network namespace."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def program(netns: Any, tmp_path: Path) -> Iterator[Any]:
    """Starts a program inside `netns`."""
    started: list[subprocess.Popen[str]] = []

    def start(source: str, name: str = "example.py") -> "subprocess.Popen[str]":
        file = tmp_path / name
        file.write_text(source)
        process = subprocess.Popen(
            ["ip", "netns", "exec", netns.name, sys.executable, "-u", str(file)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()
