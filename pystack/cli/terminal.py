"""Hearing of it when the terminal that a command was started from is closed."""

import os
import select
import signal

import trio


def foreground_terminal() -> int | None:
    """A descriptor of the controlling terminal, if this process is in its foreground; None where it is not, or was
    started to survive it (`nohup`).

    When a terminal is closed the kernel tells the session's leader alone: where that is `make`, or another program that
    does not pass it on, we would stay for ever. Linux only.
    """
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
