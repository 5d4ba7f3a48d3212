"""Running parts of a test inside a network namespace."""

import ctypes
import multiprocessing
from collections.abc import Callable
from typing import Any

CLONE_NEWNET = 0x40000000
SCENARIO_SECONDS = 60


class Namespace:
    """Runs functions inside a namespace, each in a forked child, so that ours is never touched."""

    def __init__(self, name: str) -> None:
        self.name = name

    def call(self, scenario: Callable[[], Any], seconds: float = SCENARIO_SECONDS) -> Any:
        """What `scenario` returns, or raises, when it runs inside."""
        fork = multiprocessing.get_context("fork")
        ours, theirs = fork.Pipe()
        child = fork.Process(target=_run_inside, args=(self.name, scenario, theirs))
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


def _run_inside(name: str, scenario: Callable[[], Any], report: Any) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    with open(f"/run/netns/{name}") as namespace:
        if libc.setns(namespace.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")
    try:
        result = (True, scenario())
    except BaseException as error:
        result = (False, error)
    try:
        report.send(result)
    except Exception:  # an error that cannot be pickled still has to tell its story
        report.send((False, AssertionError(repr(result[1]))))
