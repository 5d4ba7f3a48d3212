"""Standard input and output, without a wait in the event loop: a terminal, a pipe or a file may take its time."""

import os
from collections.abc import AsyncIterator

import trio

STDIN, STDOUT, STDERR = 0, 1, 2
CHUNK = 65_536


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
