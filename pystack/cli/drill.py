"""`pystack drill`: test scripts of the field's language, run on our stack in virtual time."""

import json
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Final

import typer

from pystack.cli.exits import FAILED, USAGE, Refusal, end_with_the_reader, ending
from pystack.cli.howfar import how_far
from pystack.drill.errors import Stop
from pystack.drill.judging import judge
from pystack.drill.script import Option
from pystack.drill.settings import IP_VERSIONS, STRICT, Relaxed, relaxed_of, settings_of
from pystack.drill.stackdut import StackDut
from pystack.drill.verdicts import PASS, VERDICTS, Verdict

_DUTS: Final = {"pystack": StackDut}
_SUFFIX: Final = ".pkt"


@dataclass(frozen=True, slots=True)
class _Plan:
    """What holds for every script."""

    dut: str
    options: tuple[Option, ...]
    defines: tuple[tuple[str, str], ...]
    relaxed: Relaxed


@dataclass(frozen=True, slots=True)
class _Outcome:
    """The verdict on one script; `strict` is the one with nothing relaxed. It took so many seconds."""

    verdict: Verdict
    strict: str
    seconds: float


def drill(
    paths: Annotated[
        list[Path], typer.Argument(metavar="FILE|DIR...", help="Scripts, and directories of *.pkt.", show_default=False)
    ],
    dut: Annotated[str, typer.Option(metavar="NAME", help="The stack under test: pystack.")] = "pystack",
    ip_version: Annotated[
        str | None,
        typer.Option(metavar="VERSION", help="ipv4, ipv6 or ipv4-mapped-ipv6, whatever a script says."),
    ] = None,
    relax: Annotated[
        str | None,
        typer.Option(metavar="LIST", help="What not to look at: psh, win, optorder, group, cc; time=F for tolerances."),
    ] = None,
    define: Annotated[
        list[str] | None, typer.Option("--define", "-D", metavar="K=V", help="Put V in for the word K. Repeatable.")
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option("--option", "-o", metavar="K=V", help="An option of scripts (mtu=1520) for all. Repeatable."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a script.")] = False,
    jobs: Annotated[int, typer.Option("--jobs", "-j", metavar="N", help="Processes to run scripts in.")] = 1,
) -> None:
    """Run test scripts on this stack, in virtual time.

    A script says which packets come in, which must go out and when, and which system calls are made.

    Ends with 0 if all passed, with 1 if any failed, and else with 2: any was unsupported or wrong.
    """
    end_with_the_reader()
    with ending():
        plan = _planned(dut, ip_version, relax, define or [], option or [])
        if jobs < 1:
            raise Refusal(f"-j {jobs} runs nothing: give 1 or more")
        scripts = _scripts(paths)
        began = time.monotonic()
        outcomes = _shown(_run(scripts, plan, jobs), len(scripts), as_json=as_json)
        took = time.monotonic() - began
        print(_summary(outcomes, took, relax), file=sys.stderr if as_json else sys.stdout)
        verdicts = {outcome.verdict.verdict for outcome in outcomes}
    if "fail" in verdicts:
        sys.exit(FAILED)
    if verdicts != {PASS}:
        sys.exit(USAGE)


# What is asked for


def _planned(dut: str, ip_version: str | None, relax: str | None, define: list[str], option: list[str]) -> _Plan:
    if dut not in _DUTS:
        raise Refusal(f"--dut {dut}: the stacks are {', '.join(_DUTS)}")
    if ip_version not in (None, *IP_VERSIONS):
        raise Refusal(f"--ip-version {ip_version}: give one of {', '.join(IP_VERSIONS)}")
    options = [_option(text) for text in option]
    if ip_version is not None:
        options.append(Option("ip_version", ip_version))
    try:
        settings_of(options)
        relaxed = STRICT if relax is None else relaxed_of(relax.split(","))
    except (Stop, ValueError) as error:
        raise Refusal(str(error)) from None
    return _Plan(dut, tuple(options), tuple(_define(text) for text in define), relaxed)


def _option(text: str) -> Option:
    name, equals, value = text.removeprefix("--").partition("=")
    return Option(name, value if equals else None)


def _define(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name.isidentifier():
        raise Refusal(f"--define {text}: give a word and what to put in for it, K=V")
    return name, value


def _scripts(paths: Iterable[Path]) -> list[Path]:
    """The scripts, those of a directory in order of their names."""
    scripts: list[Path] = []
    for path in paths:
        if path.is_dir():
            found = sorted(path.rglob(f"*{_SUFFIX}"))
            if not found:
                raise Refusal(f"there is no *{_SUFFIX} in {path}")
            scripts += found
        elif path.exists():
            scripts.append(path)
        else:
            raise Refusal(f"there is no {path}")
    return scripts


# What comes of it


def _run(scripts: list[Path], plan: _Plan, jobs: int) -> Iterator[_Outcome]:
    work = partial(_judged, plan)
    if jobs == 1:
        yield from map(work, scripts)
        return
    with ProcessPoolExecutor(jobs) as pool:
        yield from pool.map(work, scripts, chunksize=max(1, min(16, len(scripts) // (4 * jobs))))


def _judged(plan: _Plan, path: Path) -> _Outcome:
    began = time.perf_counter()
    try:
        text = path.read_text(errors="replace")
    except OSError as error:
        verdict = Verdict(str(path), "setup error", f"it cannot be read: {error.strerror}")
        return _Outcome(verdict, verdict.verdict, time.perf_counter() - began)

    def judged(relaxed: Relaxed) -> Verdict:
        dut, defines = _DUTS[plan.dut](), dict(plan.defines)
        return judge(text, dut, path=str(path), options=plan.options, defines=defines, relaxed=relaxed)

    strict = verdict = judged(STRICT)
    if plan.relaxed != STRICT and strict.verdict == "fail":
        verdict = judged(plan.relaxed)
    return _Outcome(verdict, strict.verdict, time.perf_counter() - began)


def _shown(outcomes: Iterator[_Outcome], total: int, *, as_json: bool) -> list[_Outcome]:
    """Prints each outcome as it comes: all as JSON, or for people those that are no passes."""
    seen: list[_Outcome] = []
    with how_far("scripts", total) as tell:
        for outcome in outcomes:
            seen.append(outcome)
            if as_json:
                record = outcome.verdict.record() | {"strict": outcome.strict, "seconds": round(outcome.seconds, 6)}
                print(json.dumps(record), flush=True)
            elif not outcome.verdict.has_passed or outcome.verdict.warnings:
                print(outcome.verdict.text, flush=True)
            tell(len(seen))
    return seen


def _summary(outcomes: list[_Outcome], took: float, relax: str | None) -> str:
    counts = _counts(outcome.verdict.verdict for outcome in outcomes)
    if relax is not None:
        counts = f"strict: {_counts(outcome.strict for outcome in outcomes)}; relaxed ({relax}): {counts}"
    scripts = "1 script" if len(outcomes) == 1 else f"{len(outcomes):,} scripts"
    return f"{scripts} in {took:.2f} s: {counts}"


def _counts(verdicts: Iterable[str]) -> str:
    """How many of each, the passes first; what there is none of is left out, but for passes and failures."""
    count = Counter(verdicts)
    return ", ".join(f"{count[v]:,} {v}" for v in VERDICTS if count[v] or v in (PASS, "fail"))
