"""docs/reference/planted-bugs.md: which bugs were planted, and which test caught each."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from mutate_list import ROOT, Mutant
from mutate_trial import GOOD, Result, Verdict

PAGE = ROOT / "docs" / "reference" / "planted-bugs.md"

PARTS = {
    "arrival": "Which segments are taken",
    "opening": "How connections begin",
    "ending": "How connections end",
    "acks": "What an acknowledgement does",
    "loss": "Loss recovery and the congestion window",
    "timing": "Round-trip times, time-outs and timers",
    "sending": "What is sent, and when",
    "receiving": "Text that arrives, acknowledgements and windows",
    "options": "Options, timestamps, ECN and urgent data",
    "wire": "Checksums, headers and fragments",
    "host": "ICMP, path MTU, ports and listeners",
}
"""The parts of the stack, as sections of the page."""

_ROW = re.compile(r"^\| `(?P<name>[\w-]+)` \| .* \| (?P<by>[^|]*) \|$", re.MULTILINE)
_NOT_YET = "*not run yet*"


def caught_by(page: str) -> dict[str, str]:
    """What the page says of each bug: its last column."""
    return {m["name"]: m["by"] for m in _ROW.finditer(page)}


def words(result: Result) -> str:
    """The last column for a verdict."""
    if result.verdict not in GOOD:
        return f"**{result.verdict.lower()}**"
    # Parameters are left out: some hold what a table cannot.
    test = f"`{result.by.partition('[')[0]}`"
    return f"{test} does not end" if result.verdict is Verdict.HUNG else test


def page(mutants: Sequence[Mutant], said: Mapping[str, str]) -> str:
    """The whole page, with `said` in the last column."""
    lines = [
        "# Planted bugs",
        "",
        "Tests that pass say little until somebody has seen them fail. `make mutate` plants one known bug of TCP/IP",
        "stacks at a time in a copy of the tree, and runs the tests; each bug has to make one of them fail.",
        f"`make test` plants a few, `make test-long` all {len(mutants)}. How to add one is in",
        "[Contributing](../contributing.md#planted-bugs).",
        "",
        "The last column is the first test that failed. `make mutate ARGS=--docs` writes this page anew.",
    ]
    for part, title in PARTS.items():
        rows = [m for m in mutants if m.part == part]
        lines += ["", f"## {title}", "", "| bug | what is wrong | what forbids it | caught by |", "|---|---|---|---|"]
        lines += [f"| `{m.name}` | {m.wrong} | {m.breaks} | {said.get(m.name, _NOT_YET)} |" for m in rows]
    return "\n".join([*lines, ""])


def write(mutants: Sequence[Mutant], results: Sequence[Result], path: Path = PAGE) -> None:
    """Writes the page anew; what is said of bugs that were not planted now stays."""
    said = caught_by(path.read_text()) if path.exists() else {}
    path.write_text(page(mutants, said | {r.name: words(r) for r in results}))
