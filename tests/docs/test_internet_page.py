"""The commands of docs/how-to/internet.md, between a network of ours and another one."""

import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from docs_examples import ROOT, blocks, example
from namespaces import Namespace

from pystack.link.netns import named_netns

SETUP, TRY, UNDO = blocks("docs/how-to/internet.md", "console")
WORLD = "203.0.113.5"


@pytest.fixture
def world(netns: Any) -> Iterator[Namespace]:
    """A network in which 203.0.113.5 is; `netns` has a cable and its default route to there, and nobody a way back."""
    if shutil.which("nft") is None:
        pytest.skip("nft is not installed")
    with named_netns(f"pt-world-{os.getpid()}") as other:
        for command in (
            f"-n {netns.name} link add eth0 type veth peer name eth0 netns {other.name}",
            f"-n {netns.name} address add 198.51.100.2/24 dev eth0",
            f"-n {netns.name} link set eth0 up",
            f"-n {netns.name} route add default via 198.51.100.1",
            f"-n {other.name} address add 198.51.100.1/24 dev eth0",
            f"-n {other.name} address add {WORLD}/32 dev lo",
            f"-n {other.name} link set lo up",
            f"-n {other.name} link set eth0 up",
        ):
            subprocess.run(["ip", *command.split()], check=True, timeout=20)
        yield Namespace(other.name)


def run_as_written(console: str, netns: Any) -> None:
    """The `$ sudo …` lines of a block, in the namespace."""
    for line in re.findall(r"^\$ sudo (.*)$", console, re.MULTILINE):
        subprocess.run(
            ["ip", "netns", "exec", netns.name, "sh", "-c", line], check=True, timeout=20, stdout=subprocess.DEVNULL
        )


def pystack(netns: Any, *args: str) -> "subprocess.CompletedProcess[str]":
    command = ["ip", "netns", "exec", netns.name, sys.executable, "-m", "pystack", *args]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.kernel
def test_the_world_is_reached_with_the_rule_and_not_without(netns: Any, world: Namespace) -> None:
    ping = ("ping", "-c", "1", "-W", "1", WORLD)
    assert pystack(netns, *ping).returncode == 1
    run_as_written(SETUP, netns)
    result = pystack(netns, *ping)
    assert result.returncode == 0, result.stderr
    assert re.sub(r"[\d.]+ ms|(?<== )[\d./]+", "…", result.stdout) == re.sub(
        r"[\d.]+ ms|(?<== )[\d./]+", "…", TRY[TRY.index("PING") : TRY.index("$ printf")]
    )
    run_as_written(UNDO, netns)
    assert pystack(netns, *ping).returncode == 1


@pytest.mark.kernel
def test_the_way_in(program: Callable[..., Any], netns: Any, world: Namespace) -> None:
    run_as_written(SETUP, netns)
    text = (ROOT / "docs" / "how-to" / "internet.md").read_text().partition("**The way in.**")[2]
    commands = re.findall(r"`sudo ([^`]*)`", text)[:2]
    run_as_written("".join(f"$ sudo {command}\n" for command in commands), netns)
    server = program(example("docs/how-to/server.md", 0).replace("1234", "80"))
    assert server.stdout.readline() == "port 80: EADDRINUSE\n"
    assert server.stdout.readline() == "try: nc 10.0.0.2 80\n"

    def client() -> str:
        with socket.create_connection(("198.51.100.2", 8080), 20) as s:
            return s.makefile().read()

    assert world.call(client).startswith("Hello 198.51.100.1, your port is ")
