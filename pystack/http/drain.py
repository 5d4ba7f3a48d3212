"""The graceful stop: idle connections end at once, requests in flight are answered first."""

from collections.abc import Iterator
from contextlib import contextmanager

import trio


class Drain:
    """Shared by a server and its connections. Who calls `stop` also sets the grace time, by cancelling the server."""

    def __init__(self) -> None:
        self._stop = trio.Event()
        self._idle: dict[trio.CancelScope, None] = {}  # a dict for its order, which a set lacks

    @property
    def stopping(self) -> bool:
        """True once `stop` was called."""
        return self._stop.is_set()

    def stop(self) -> None:
        """Accept no more, end what is idle, finish what is in flight. Calling it again changes nothing."""
        self._stop.set()
        for scope in self._idle:
            scope.cancel()

    async def wait_stopping(self) -> None:
        """Returns once `stop` was called."""
        await self._stop.wait()

    @contextmanager
    def idle(self) -> Iterator[None]:
        """Around a wait that a stop may cut short."""
        with trio.CancelScope() as scope:
            if self.stopping:
                scope.cancel()
            self._idle[scope] = None
            try:
                yield
            finally:
                del self._idle[scope]
