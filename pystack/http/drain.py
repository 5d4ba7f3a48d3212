"""The graceful stop: idle connections end at once, requests in flight are answered first, and what is cancelled all the
same may have last words."""

from collections.abc import Iterator
from contextlib import contextmanager

import trio


class Drain:
    """Shared by a server and its connections. Who calls `stop` also sets the grace time, by cancelling the server."""

    def __init__(self) -> None:
        self._stop = trio.Event()
        self._idle: dict[trio.CancelScope, None] = {}  # a dict for its order, which a set lacks
        self._last_words: dict[trio.CancelScope, None] = {}
        self.abandoned = False
        """`abandon` was called."""

    @property
    def stopping(self) -> bool:
        """True once `stop` was called."""
        return self._stop.is_set()

    def stop(self) -> None:
        """Accept no more, end what is idle, finish what is in flight. Calling it again changes nothing."""
        self._stop.set()
        for scope in self._idle:
            scope.cancel()

    def abandon(self) -> None:
        """Wait for no last words either. It comes before the cancelling, or while there are any."""
        self.abandoned = True
        for scope in self._last_words:
            scope.cancel()

    async def wait_stopping(self) -> None:
        """Returns once `stop` was called."""
        await self._stop.wait()

    @contextmanager
    def idle(self) -> Iterator[None]:
        """Around a wait that a stop may cut short."""
        with trio.CancelScope() as scope, _registered(scope, self._idle, over=self.stopping):
            yield

    @contextmanager
    def last_words(self, seconds: float) -> Iterator[None]:
        """Around what is still waited for, up to `seconds`, when everything has been cancelled; not once `abandon` was
        called."""
        with (
            trio.CancelScope(deadline=trio.current_time() + seconds, shield=True) as scope,
            _registered(scope, self._last_words, over=self.abandoned),
        ):
            yield


@contextmanager
def _registered(scope: trio.CancelScope, scopes: dict[trio.CancelScope, None], *, over: bool) -> Iterator[None]:
    if over:
        scope.cancel()
    scopes[scope] = None
    try:
        yield
    finally:
        del scopes[scope]
