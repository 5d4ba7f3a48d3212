"""The end of a command that runs until it is told to stop."""

import logging
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio

from pystack.cli.terminal import foreground_terminal, wait_closed
from pystack.http.drain import Drain
from pystack.net.stack import Net

_log = logging.getLogger("pystack")

_SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
"""Windows has no SIGHUP."""


class Stop:
    """The end of a run: the first SIGINT, SIGTERM, SIGHUP, or the end of the terminal, ends in order (`drain`) within
    `grace` seconds; a second one, or the end of that time, at once. What has last words (`Drain.last_words`) has them
    after the grace time, and not after a second signal.

    `net` is the stack that is reset then, once there is one.
    """

    def __init__(self, grace: float) -> None:
        self.drain = Drain()
        self.net: Net | None = None
        self.grace = grace
        self._everything = trio.CancelScope()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Around the whole run, the stack's end too, so that a second signal is heard while it closes in order."""
        terminal = foreground_terminal()
        with trio.open_signal_receiver(*_SIGNALS) as signals:
            async with trio.open_nursery() as watching:
                watching.start_soon(self._on_signals, signals)
                if terminal is not None:
                    watching.start_soon(self._on_hangup, terminal)
                with self._everything:
                    yield
                watching.cancel_scope.cancel()

    async def _on_hangup(self, terminal: int) -> None:
        """As a first signal, when the terminal is closed."""
        await wait_closed(terminal)
        os.kill(os.getpid(), signal.SIGHUP)

    async def _on_signals(self, signals: AsyncIterator[int]) -> None:
        number = await anext(signals)
        _log.info("%s: finishing what is in flight", signal.Signals(number).name)
        self.drain.stop()
        with trio.move_on_after(self.grace) as in_order:
            await anext(signals)
        if self.net is not None:
            # Before anything is cancelled: tasks that end by closing their streams would send a FIN, as if all was
            # said.
            self.net.abort()
        if in_order.cancelled_caught:
            self._everything.cancel()
            await anext(signals)
        self.drain.abandon()
        self._everything.cancel()
