"""A pytest plugin: writes down, as JSON lines in the file that MUTATE_REPORT names, which test begins, which fails, and
what cannot be collected. So it is known where a run was that had to be killed.
"""

import json
import os
import resource
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


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """A part of a test is over."""
    if report.failed:
        _write("fails", report.nodeid)


def pytest_collectreport(report: pytest.CollectReport) -> None:
    """A file has been read."""
    if report.failed:
        _write("broken", report.nodeid)
