"""Running parts of a test inside a network namespace, each in a forked child, so that ours is never touched."""

import ctypes
import multiprocessing
import os
import shutil
import socket
import traceback
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import pytest
import trio

from pystack.link.netns import enter_private_network

CLONE_NEWNET = 0x40000000
SCENARIO_SECONDS = 60

OURS = {socket.AF_INET: "10.0.0.2", socket.AF_INET6: "fd00:7079::2"}
KERNELS = {socket.AF_INET: "10.0.0.1", socket.AF_INET6: "fd00:7079::1"}
"""The addresses that `open_tun` takes where nobody else is: the stack's, and those of the kernel's end."""

FAMILIES = [pytest.param(socket.AF_INET, id="IPv4"), pytest.param(socket.AF_INET6, id="IPv6")]


def ask_for_rights() -> None:
    """Skips the test where it may not make a network namespace and a TUN device in it."""
    if os.geteuid() != 0:
        pytest.skip("making a network namespace needs root")
    if not os.path.exists("/dev/net/tun"):
        pytest.skip("there is no /dev/net/tun")
    if shutil.which("ip") is None:
        pytest.skip("iproute2 is not installed")


class Namespace:
    """A namespace that has a name, made with `ip netns`."""

    def __init__(self, name: str) -> None:
        self.name = name

    def call(self, scenario: Callable[[], Any], seconds: float = SCENARIO_SECONDS) -> Any:
        """What `scenario` returns, or raises, when it runs inside."""
        return _in_a_child(partial(_enter, self.name), scenario, seconds)


def private_network(main: Callable[[], Awaitable[Any]]) -> Any:
    """What `main` returns, or raises, under trio in a network of its own, which goes when it ends."""
    ask_for_rights()
    return _in_a_child(enter_private_network, partial(trio.run, main), SCENARIO_SECONDS)


def _enter(name: str) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    with open(f"/run/netns/{name}") as namespace:
        if libc.setns(namespace.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")


def _in_a_child(enter: Callable[[], None], scenario: Callable[[], Any], seconds: float) -> Any:
    fork = multiprocessing.get_context("fork")
    ours, theirs = fork.Pipe()
    child = fork.Process(target=_run, args=(enter, scenario, theirs))
    child.start()
    theirs.close()
    try:
        assert ours.poll(seconds), "the scenario did not end in time"
        succeeded, value = ours.recv()
    finally:
        child.kill()
        child.join()
    if not succeeded:
        raise value
    return value


def _run(enter: Callable[[], None], scenario: Callable[[], Any], report: Any) -> None:
    try:
        enter()
        result = (True, scenario())
    except BaseException as error:
        error.add_note("".join(traceback.format_exception(error)))  # which does not travel with it
        result = (False, error)
    try:
        report.send(result)
    except Exception:  # an error that cannot be pickled still has to tell its story
        report.send((False, AssertionError("\n".join((repr(result[1]), *getattr(result[1], "__notes__", ()))))))
