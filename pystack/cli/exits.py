"""How a command ends: a sentence on standard error and an exit status; no traceback for what a user can cause."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from pystack.http.lifespan import LifespanFailed
from pystack.link.device import DeviceLost, LinkError

FAILED = 1
"""A failure at work: the device went away, the network does not answer."""
INTERRUPTED = 130
"""By Ctrl-C, as shells count it."""
USAGE = 2
"""Usage, rights or set-up."""


class Refusal(Exception):
    """What was asked cannot be done; the message is one sentence that says why and what to change. Exit status 2."""


def end(status: int, sentence: str) -> NoReturn:
    """Prints the sentence and exits."""
    print(f"pystack: {sentence}", file=sys.stderr)
    sys.exit(status)


def end_with_the_reader() -> None:
    """From now on whoever stops reading what we print (`head`) ends us without a word, as other Unix tools are ended.
    Not for commands that have sockets or a device to leave in order.
    """
    if hasattr(signal, "SIGPIPE"):  # not on Windows
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)


@contextmanager
def ending() -> Iterator[None]:
    """Around a command's work: turns what may go wrong there into a sentence and the exit status of its kind; Ctrl-C,
    where the command has no better end, into the status alone.
    """
    status, sentence = 0, ""
    try:
        yield
    except* (Refusal, LinkError) as group:
        status, sentence = USAGE, sentence_of(group)
    except* (DeviceLost, LifespanFailed, OSError) as group:
        status, sentence = FAILED, sentence_of(group)
    except* KeyboardInterrupt:
        status, sentence = INTERRUPTED, ""
    if status == INTERRUPTED:
        sys.exit(status)
    if status:
        end(status, sentence)


def sentence_of(error: BaseException) -> str:
    """What the error says; of a group, its first error."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return str(error.strerror) if isinstance(error, OSError) and error.strerror else str(error)
