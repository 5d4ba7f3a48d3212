"""How far something is that takes long: a bar at a terminal, a line now and then elsewhere."""

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import TaskID

_PATIENCE: Final = 1.0
"""Seconds that something may take without being long: what is done by then needs no bar."""
_EVERY: Final = 10
"""Seconds between two lines, and before the first."""


class Bars:
    """A bar for each name that something is counted under, on standard error, once that goes on for longer than a
    second of `clock`. Ends with `stop`.

    `totals`: how much there will be under a name, where that is known. `unit`: what is counted; "bytes" have a speed.
    `lasting` bars stay where they are when they have ended, and leave standard output alone, which goes past Python's
    files. Others go away, and what is printed meanwhile appears above them.
    """

    def __init__(
        self,
        totals: Mapping[str, int],
        unit: str,
        clock: Callable[[], float],
        *,
        lasting: bool,
        console: "Console | None" = None,
    ) -> None:
        from rich import progress  # noqa: PLC0415 (only people need it)
        from rich.console import Console  # noqa: PLC0415

        in_bytes = (progress.DownloadColumn(), progress.TransferSpeedColumn())
        self._progress = progress.Progress(
            progress.TextColumn("{task.description}"),
            progress.BarColumn(),
            *(in_bytes if unit == "bytes" else (progress.MofNCompleteColumn(),)),
            progress.TimeRemainingColumn(elapsed_when_finished=True),
            console=console or Console(stderr=True),
            get_time=clock,
            transient=not lasting,
            redirect_stdout=not lasting and sys.stdout.isatty(),  # else what goes to a file would land on the terminal
            redirect_stderr=not lasting,
        )
        self._totals = totals
        self._clock = clock
        self._tasks: dict[str, TaskID] = {}
        self._due: float | None = None
        self._shown = self._stopped = False

    def tell(self, name: str, done: int) -> None:
        """So much is done by now."""
        if self._stopped:
            return
        if self._due is None:
            self._due = self._clock() + _PATIENCE
        if name not in self._tasks:
            self._tasks[name] = self._progress.add_task(name, total=self._totals.get(name))
        self._progress.update(self._tasks[name], completed=done)
        if not self._shown and self._clock() > self._due:
            self._shown = True
            self._progress.start()

    def stop(self) -> None:
        """Ends the bars, with the cursor on the line after them if they stay. There will be no more of them."""
        if self._shown and not self._stopped:
            self._progress.stop()
        self._stopped = True


@contextmanager
def how_far(unit: str, total: int, clock: Callable[[], float] = time.monotonic) -> Iterator[Callable[[int], None]]:
    """Yields a function to tell how many of `total` are done by now; `unit` names them ("bytes").

    On standard error, once it takes longer: a second of `clock` at a terminal, 10 seconds elsewhere. The bar goes away
    at the end; meanwhile, what is printed appears above it.
    """
    with (_bar if sys.stderr.isatty() else _lines)(unit, total, clock) as tell:
        yield tell


@contextmanager
def _bar(unit: str, total: int, clock: Callable[[], float]) -> Iterator[Callable[[int], None]]:
    bars = Bars({unit: total}, unit, clock, lasting=False)
    bars.tell(unit, 0)
    try:
        yield lambda done: bars.tell(unit, done)
    finally:
        bars.stop()


@contextmanager
def _lines(unit: str, total: int, clock: Callable[[], float]) -> Iterator[Callable[[int], None]]:
    due = clock() + _EVERY

    def tell(done: int) -> None:
        nonlocal due
        if clock() >= due:
            due = clock() + _EVERY
            print(f"{done:,} of {total:,} {unit}", file=sys.stderr, flush=True)

    yield tell
