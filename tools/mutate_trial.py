"""One bug at a time: a copy of the tree, the tests that should notice, and what became of it."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

import trio
from mutate_list import ROOT, Mutant, planted

NARROW_SECONDS, WIDE_SECONDS = 60, 1200
"""How long tests may take before they count as hung: those that should notice first, and all."""

WIDE = ("tests", "-m", "not kernel and not long", "--ignore=tests/planted", "--ignore=tests/docs")
"""All that are about the protocol: the others are about this tool, and about pages."""

_LEFT_OUT = shutil.ignore_patterns(
    ".git", ".venv*", "build", "dist", "*.egg-info", "__pycache__", ".hypothesis", ".*_cache", ".import_linter_cache"
)


class Verdict(StrEnum):
    """What became of a bug. Only the first two are well."""

    CAUGHT = "caught"
    HUNG = "hung"
    """A test did not come to its end in time, which nobody can overlook."""
    SURVIVED = "SURVIVED"
    BROKEN = "BROKEN"
    """With it the tests cannot even be read: it is no bug that anybody would ship."""
    FALSE_ALARM = "FALSE ALARM"
    """The test that caught it fails without it too."""


GOOD = frozenset((Verdict.CAUGHT, Verdict.HUNG))


@dataclass(frozen=True)
class Result:
    """The verdict on the bug `name`. `by`: the first test that failed, or that hung, or what could not be read; `wide`:
    it took all tests; `seconds`: what that took.
    """

    name: str
    verdict: Verdict
    by: str = ""
    wide: bool = False
    seconds: float = 0.0


@dataclass(frozen=True)
class Outcome:
    """What pytest said: the tests that failed, in order; the one that ran when the time was over; a file that could not
    be read, or pytest's last line where it could not even begin.
    """

    failed: tuple[str, ...] = ()
    hung: str = ""
    broken: str = ""


def copy_of_tree(to: Path, tree: Path = ROOT) -> Path:
    """A copy of the working tree, what is not committed included, without what is made from it."""
    shutil.copytree(tree, to, ignore=_LEFT_OUT, symlinks=True)
    # Compiled files are to be recognized by the text that they are from. Usually it is by its time and size, and a bug
    # may come within the second and keep the size.
    command = [sys.executable, "-m", "compileall", "-q", "--invalidation-mode", "checked-hash", "pystack"]
    subprocess.run(command, cwd=to, check=True)
    return to


async def run_tests(tree: Path, arguments: Sequence[str], seconds: float, *, all_of_them: bool = False) -> Outcome:
    """Runs pytest in `tree`, up to the first failure unless `all_of_them`."""
    report = tree / "report.jsonl"
    report.write_text("")
    shutil.rmtree(tree / ".hypothesis", ignore_errors=True)  # what it has learnt of another bug
    environment = {
        **os.environ,
        "MUTATE_REPORT": str(report),
        "PYTHONPATH": os.pathsep.join((str(tree), str(Path(__file__).parent))),
    }
    environment.pop("PYTEST_CURRENT_TEST", None)
    if not all_of_them:
        environment["MUTATE_FIRST"] = "1"
    command = [sys.executable, "-m", "pytest", "-p", "mutate_watch", "-p", "no:cacheprovider", "--hypothesis-seed=0"]
    command += ["--continue-on-collection-errors", "--tb=no", "--no-header", *arguments]

    async def kill(process: trio.Process) -> None:
        os.killpg(process.pid, signal.SIGKILL)  # with what the tests have started

    code: int | None = None
    said = tree / "said.txt"
    with said.open("wb") as output, trio.move_on_after(seconds):
        done = await trio.run_process(
            command,
            cwd=tree,
            env=environment,
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            deliver_cancel=kill,
        )
        code = done.returncode
    last = (said.read_text(errors="replace").splitlines() or ["pytest said nothing"])[-1].strip("= ")
    return _outcome(code, [json.loads(line) for line in report.read_text().splitlines()], last)


def _outcome(code: int | None, lines: list[list[str]], last: str) -> Outcome:
    """By pytest's exit code, None where it was killed for its time, what was written down, and its last line."""
    failed = tuple(dict.fromkeys(test for what, test in lines if what == "fails"))
    begun = [test for what, test in lines if what == "begins"]
    broken = [test for what, test in lines if what == "broken"]
    if failed:
        return Outcome(failed=failed)
    if broken:
        return Outcome(broken=broken[0])
    if code is None:
        return Outcome(hung=begun[-1]) if begun else Outcome(broken=last)
    if code < 0 and begun:  # a signal has ended it, such as for want of memory
        return Outcome(failed=(begun[-1],))
    return Outcome() if code == 0 else Outcome(broken=last)


async def trial(
    mutant: Mutant, tree: Path, *, narrow_seconds: float = NARROW_SECONDS, wide: Sequence[str] = WIDE
) -> Result:
    """Plants the bug in `tree`, a copy, and tells whether the tests notice: those of the bug first, then the `wide`
    ones, where there are any.
    """
    began = time.monotonic()

    def result(verdict: Verdict, by: str = "", *, in_wide: bool = False) -> Result:
        return Result(mutant.name, verdict, by, in_wide, round(time.monotonic() - began, 1))

    with planted(mutant, tree):
        for arguments, seconds in ((mutant.tests, narrow_seconds), (tuple(wide), WIDE_SECONDS)):
            if not arguments:
                break
            outcome = await run_tests(tree, arguments, seconds)
            in_wide = arguments is not mutant.tests
            if outcome.failed:
                return result(Verdict.CAUGHT, outcome.failed[0], in_wide=in_wide)
            if outcome.hung:
                return result(Verdict.HUNG, outcome.hung, in_wide=in_wide)
            if outcome.broken:
                return result(Verdict.BROKEN, outcome.broken, in_wide=in_wide)
    return result(Verdict.SURVIVED)


async def confirmed(results: Iterable[Result], tree: Path) -> list[Result]:
    """The results, where those whose test fails in the sound `tree` too are false alarms."""
    results = list(results)
    tests = sorted({r.by for r in results if r.verdict in GOOD})
    if not tests:
        return results
    outcome = await run_tests(tree, tests, WIDE_SECONDS, all_of_them=True)
    # Where even that did not come to its end, nothing is shown.
    doubtful = set(tests) if outcome.hung or outcome.broken else set(outcome.failed)
    return [replace(r, verdict=Verdict.FALSE_ALARM) if r.by in doubtful and r.verdict in GOOD else r for r in results]
