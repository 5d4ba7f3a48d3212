"""What `mutate.py` shows while it works: a row for each bug once its fate is known, and at a terminal how far it is."""

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from mutate_trial import GOOD, Result, Verdict
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

_WIDTH = 38
"""The longest name of a bug, and a little more."""


class Shown:
    """Rows on standard output, or on standard error where that is for machines."""

    def __init__(self, total: int, *, to_stderr: bool = False) -> None:
        self._console = Console(stderr=to_stderr, highlight=False)
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("so far,"),
            TimeRemainingColumn(),
            TextColumn("to go"),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )
        self._task = self._progress.add_task("", total=total)
        self._running: list[str] = []

    def __enter__(self) -> "Shown":
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    @contextmanager
    def running(self, name: str) -> Iterator[None]:
        """This is going on, for as long as the block lasts."""
        self._running.append(name)
        self._progress.update(self._task, description=", ".join(self._running))
        try:
            yield
        finally:
            self._running.remove(name)
            self._progress.update(self._task, description=", ".join(self._running))

    def row(self, result: Result) -> None:
        """The verdict on one bug."""
        color = "green" if result.verdict in GOOD else "bold red"
        by = f"{escape(result.by)}{' (of all tests)' if result.wide else ''}"
        verdict = f"[{color}]{result.verdict:<11}[/]"
        self._say(f"{result.name:<{_WIDTH}} {verdict} {result.seconds:6.1f} s  {by}".rstrip())
        self._progress.advance(self._task)

    def counts(self, results: Sequence[Result], seconds: float) -> None:
        """The last line."""
        counts = Counter(r.verdict for r in results)
        parts = [f"{counts[verdict]} {verdict}" for verdict in Verdict if counts[verdict]]
        wide = sum(r.wide and r.verdict in GOOD for r in results)
        noticed = f", {wide} of them by other tests than their own" if wide else ""
        self._say(f"{len(results)} bugs: {', '.join(parts)}{noticed}; {seconds:.0f} s")

    def _say(self, line: str) -> None:
        self._console.print(line, soft_wrap=True)
        sys.stdout.flush()
