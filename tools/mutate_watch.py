"""A pytest plugin: writes down, as JSON lines in the file that MUTATE_REPORT names, which test begins, which fails, and
what cannot be collected. So it is known where a run was that had to be killed. With MUTATE_FIRST the first failure ends
the run; pytest's own way would take a file that cannot be collected for one.
"""

import json
import os
import resource
from collections.abc import Generator
from pathlib import Path

import pytest

import pystack

MOST_MEMORY = 4 << 30
"""Bytes. A bug that takes memory without end fails a test, and leaves the machine alone."""


def _write(what: str, test: str) -> None:
    with Path(os.environ["MUTATE_REPORT"]).open("a") as report:
        report.write(json.dumps([what, test]) + "\n")


def pytest_sessionstart(session: pytest.Session) -> None:
    """Refuses to test another tree than the one that has the bug."""
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, resource.getrlimit(resource.RLIMIT_AS)[1]))
    if not Path(pystack.__file__).is_relative_to(session.config.rootpath):
        pytest.exit(f"pystack comes from {pystack.__file__}", returncode=pytest.ExitCode.INTERNAL_ERROR)


def pytest_runtest_logstart(nodeid: str) -> None:
    """A test begins."""
    _write("begins", nodeid)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A part of a test is over."""
    report = yield
    if report.failed:
        _write("fails", report.nodeid)
        if "MUTATE_FIRST" in os.environ:
            item.session.shouldfail = "one is enough"
    return report


def pytest_collectreport(report: pytest.CollectReport) -> None:
    """A file has been read."""
    if report.failed:
        _write("broken", report.nodeid)
