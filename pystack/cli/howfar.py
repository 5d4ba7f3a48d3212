"""How far something is that takes long: a bar at a terminal, a line now and then elsewhere."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_PATIENCE = 0.5
"""Seconds before a bar appears: what is done by then needs none."""
_EVERY = 10
"""Seconds between two lines, and before the first."""


@contextmanager
def how_far(unit: str, total: int, clock: Callable[[], float] = time.monotonic) -> Iterator[Callable[[int], None]]:
    """Yields a function to tell how many of `total` are done by now; `unit` names them ("bytes").

    On standard error, once it takes longer: half a second of `clock` at a terminal, 10 seconds elsewhere. The bar goes
    away at the end; meanwhile, what is printed appears above it.
    """
    with (_bar if sys.stderr.isatty() else _lines)(unit, total, clock) as tell:
        yield tell


@contextmanager
def _bar(unit: str, total: int, clock: Callable[[], float]) -> Iterator[Callable[[int], None]]:
    from rich.console import Console  # noqa: PLC0415 (only people need it)
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415

    bar = Progress(
        BarColumn(),
        TextColumn("{task.completed:,.0f} of {task.total:,.0f} {task.description},"),
        TimeRemainingColumn(),
        TextColumn("to go"),
        console=Console(stderr=True),
        get_time=clock,
        transient=True,
        redirect_stdout=sys.stdout.isatty(),  # else what goes to a file would land on the terminal
    )
    task = bar.add_task(unit, total=total)
    due = clock() + _PATIENCE

    def tell(done: int) -> None:
        bar.update(task, completed=done)
        if clock() >= due:
            bar.start()

    try:
        yield tell
    finally:
        bar.stop()


@contextmanager
def _lines(unit: str, total: int, clock: Callable[[], float]) -> Iterator[Callable[[int], None]]:
    due = clock() + _EVERY

    def tell(done: int) -> None:
        nonlocal due
        if clock() >= due:
            due = clock() + _EVERY
            print(f"{done:,} of {total:,} {unit}", file=sys.stderr, flush=True)

    yield tell
