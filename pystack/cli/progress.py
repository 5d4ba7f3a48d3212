"""Standard input and output, with a progress bar on standard error for people who wait for something long."""

import os
import stat
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import trio

from pystack.cli.pipes import STDERR, STDIN, STDOUT, read_input, write_output

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import TaskID

_PATIENCE: Final = 1.0
"""Seconds that something may take without being long."""

_SENT, _RECEIVED = "sent", "received"


class Bars:
    """A bar for each name that bytes are counted under, once that goes on for longer than a second. Ends with `stop`.

    `totals`: how many bytes there will be under a name, where that is known.
    """

    def __init__(self, totals: dict[str, int], console: "Console | None" = None) -> None:
        from rich.console import Console  # noqa: PLC0415 (only people need it)
        from rich.progress import (  # noqa: PLC0415
            BarColumn,
            DownloadColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
            TransferSpeedColumn,
        )

        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(elapsed_when_finished=True),
            console=console or Console(stderr=True),
            redirect_stdout=False,  # what we write there goes past Python's files
            redirect_stderr=False,
        )
        self._totals = totals
        self._tasks: dict[str, TaskID] = {}
        self._began: float | None = None
        self._shown = self._stopped = False

    def advance(self, name: str, count: int) -> None:
        """So many more bytes have gone their way."""
        if self._stopped:
            return
        now = trio.current_time()
        if self._began is None:
            self._began = now
        if name not in self._tasks:
            self._tasks[name] = self._progress.add_task(name, total=self._totals.get(name))
        self._progress.advance(self._tasks[name], count)
        if not self._shown and now - self._began > _PATIENCE:
            self._shown = True
            self._progress.start()

    def stop(self) -> None:
        """Leaves the bars as they are, and the cursor on the line after them. There will be no more of them."""
        if self._shown and not self._stopped:
            self._progress.stop()
        self._stopped = True


class Pipes:
    """Standard input and output of a command, and the bars of what goes through those that are no terminals."""

    def __init__(self, bars: Bars | None) -> None:
        self._bars = bars

    async def read(self) -> AsyncIterator[bytes]:
        """As `read_input`; what was read counts as sent when more is asked for."""
        shown = not os.isatty(STDIN)
        async for data in read_input():
            yield data
            if shown and self._bars is not None:
                self._bars.advance(_SENT, len(data))

    async def write(self, data: bytes) -> None:
        """As `write_output`. On a terminal what is written takes the place of the bars, and never goes between them."""
        if self._bars is not None and os.isatty(STDOUT):
            self._bars.stop()
        await write_output(data)
        if self._bars is not None:
            self._bars.advance(_RECEIVED, len(data))


@contextmanager
def standard_pipes(quiet: bool) -> Iterator[Pipes]:
    """With bars, unless they are not wanted, or standard error is no terminal, or all that moves is seen anyway."""
    if quiet or not os.isatty(STDERR) or (os.isatty(STDIN) and os.isatty(STDOUT)):
        yield Pipes(None)
        return
    size = _bytes_left(STDIN)
    bars = Bars({} if size is None else {_SENT: size})
    try:
        yield Pipes(bars)
    finally:
        bars.stop()


def _bytes_left(descriptor: int) -> int | None:
    """What is still to be read of a regular file; None of anything else."""
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        return None
    return max(status.st_size - os.lseek(descriptor, 0, os.SEEK_CUR), 0)
