"""Standard input and output, without a wait in the event loop: a terminal, a pipe or a file may take its time; and
with progress bars for people who wait for something long."""

import os
import stat
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import trio

from pystack.cli.howfar import Bars

STDIN, STDOUT, STDERR = 0, 1, 2
CHUNK = 65_536

_SENT, _RECEIVED = "sent", "received"


def occupy_standard_descriptors() -> None:
    """Opens the null device in place of standard input, output and error where they are closed. To be called before
    anything is opened, since that would get their numbers, and be read or written in their place.
    """
    for descriptor in (STDIN, STDOUT, STDERR):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # at the lowest free number, which is this


async def read_input() -> AsyncIterator[bytes]:
    """What comes on standard input, as it comes, until its end.

    In a thread and not on the descriptor: to make that non-blocking would do so for everyone who shares it, such as the
    shell that started us; and files cannot be waited for.
    """
    while data := await trio.to_thread.run_sync(os.read, STDIN, CHUNK, abandon_on_cancel=True):
        yield data


async def write_output(data: bytes) -> None:
    """Writes all of `data` to standard output. Raises OSError: EPIPE where nobody reads it any more."""
    await trio.to_thread.run_sync(_write_all, data, abandon_on_cancel=True)


def _write_all(data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(STDOUT, rest) :]


class Pipes:
    """Standard input and output of a command, and the bars of what goes through those that are no terminals."""

    def __init__(self, bars: Bars | None) -> None:
        self._bars = bars
        self._moved: Counter[str] = Counter()

    async def read(self) -> AsyncIterator[bytes]:
        """As `read_input`; what was read counts as sent when more is asked for."""
        shown = not os.isatty(STDIN)
        async for data in read_input():
            yield data
            if shown:
                self._count(_SENT, len(data))

    async def write(self, data: bytes) -> None:
        """As `write_output`. On a terminal what is written takes the place of the bars, and never goes between them."""
        if self._bars is not None and os.isatty(STDOUT):
            self._bars.stop()
        await write_output(data)
        self._count(_RECEIVED, len(data))

    def _count(self, name: str, size: int) -> None:
        self._moved[name] += size
        if self._bars is not None:
            self._bars.tell(name, self._moved[name])


@contextmanager
def standard_pipes(quiet: bool) -> Iterator[Pipes]:
    """With bars, unless they are not wanted, or standard error is no terminal, or all that moves is seen anyway."""
    if quiet or not os.isatty(STDERR) or (os.isatty(STDIN) and os.isatty(STDOUT)):
        yield Pipes(None)
        return
    size = _bytes_left(STDIN)
    bars = Bars({} if size is None else {_SENT: size}, "bytes", time.monotonic, lasting=True)
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
