"""Whether a stream is a terminal, and hearing of it when the terminal that a command was started from is closed."""

import os
import select
import signal
from typing import TextIO

import trio


def is_terminal(stream: TextIO | None) -> bool:
    """Whether people see what goes to a standard stream; it is None where the descriptor was closed at the start."""
    return stream is not None and not stream.closed and stream.isatty()


def foreground_terminal() -> int | None:
    """A descriptor of the controlling terminal, if this process is in its foreground; None where it is not, or was
    started to survive it (`nohup`).

    When a terminal is closed the kernel tells the session's leader alone: where that is `make`, or another program that
    does not pass it on, we would stay for ever. Linux only; elsewhere None.
    """
    if not hasattr(select, "epoll"):
        return None
    try:
        if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
            return None
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except (OSError, AttributeError):
        return None
    try:
        if os.tcgetpgrp(terminal) == os.getpgrp():
            return terminal
    except OSError:
        pass
    os.close(terminal)
    return None


async def wait_closed(terminal: int) -> None:
    """Return when the terminal is closed. Typing does not wake us, and what is typed stays for who reads it."""
    with select.epoll() as hangups:
        hangups.register(terminal, 0)  # EPOLLHUP and EPOLLERR are always reported
        await trio.lowlevel.wait_readable(hangups.fileno())
