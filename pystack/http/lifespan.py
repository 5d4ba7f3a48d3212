"""The life of an ASGI application: told when serving begins and ends (the lifespan part of the ASGI specification)."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager
from typing import Any

import trio

from pystack.http.drain import Drain

logger = logging.getLogger("pystack.http")

Message = MutableMapping[str, Any]
App = Callable[
    [MutableMapping[str, Any], Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]
]
"""An ASGI 3 application: called with a scope, `receive` and `send`."""

VERSIONS = {"version": "3.0", "spec_version": "2.4"}


class LifespanFailed(Exception):
    """The application said that it cannot start; the text is its own."""


_LAST_WORDS = 3.0
"""Seconds for an application to shut down once everything has been cancelled."""


@asynccontextmanager
async def lifespan(app: App, drain: Drain) -> AsyncIterator[dict[str, Any]]:
    """Starts `app`, gives the state that it wants to see in its requests, and shuts it down at the end.

    Where the end is a cancellation, the application still has 3 seconds to shut down, unless `drain` was abandoned. An
    application that does not know of lifespans is served without. Raises `LifespanFailed`, in an exception group, where
    one says that it cannot start.
    """
    life = _Lifespan(app)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(life.run)
        try:
            life.tell("lifespan.startup")
            await life.answer()
            if life.failure is not None:
                raise LifespanFailed(life.failure or "the application cannot start")
            try:
                yield life.state
            finally:
                await _shut_down(life, drain)
        finally:
            life.scope.cancel()


async def _shut_down(life: "_Lifespan", drain: Drain) -> None:
    if drain.abandoned:
        return
    life.tell("lifespan.shutdown")
    try:
        await life.answer()
    except trio.Cancelled:
        with drain.last_words(_LAST_WORDS):
            await life.answer()
        if not life.answered:
            logger.warning("the application was cut off before it had shut down")
        raise
    finally:
        if life.failure is not None:
            logger.error("the application failed to shut down: %s", life.failure)


class _Lifespan:
    def __init__(self, app: App) -> None:
        self.state: dict[str, Any] = {}
        self.failure: str | None = None
        self.scope = trio.CancelScope(shield=True)
        """Around the application, which is told of the end and not cancelled with everything else."""
        self._app = app
        self._events, self._to_app = trio.open_memory_channel[Message](2)  # all that there are
        self._answer = trio.Event()
        self._started = False
        self._over = False

    async def run(self) -> None:
        """The application's task."""
        scope = {"type": "lifespan", "asgi": VERSIONS, "state": self.state}
        try:
            with self.scope:
                await self._app(scope, self._to_app.receive, self._hear)
        except Exception as error:
            if self._started and self.failure is None:
                logger.exception("the lifespan of the application ended by an error after its startup was complete")
            elif self.failure is None:
                # The specification: whoever raises here is served without lifespan.
                logger.info("the application goes without lifespan: %r", error)
        finally:
            self._over = True
            self._answer.set()

    @property
    def answered(self) -> bool:
        """Whether what was told last has its answer, or nobody is there to give one."""
        return self._answer.is_set()

    def tell(self, event: str) -> None:
        """Sends an event, where somebody listens."""
        if not self._over:
            self._answer = trio.Event()
            self._events.send_nowait({"type": event})

    async def answer(self) -> None:
        """Returns once what was told last is answered; at once where nobody listens."""
        await self._answer.wait()

    async def _hear(self, message: Message) -> None:
        kind = message["type"]
        if kind in ("lifespan.startup.failed", "lifespan.shutdown.failed"):
            self.failure = str(message.get("message", ""))
        elif kind == "lifespan.startup.complete":
            self._started = True
        elif kind != "lifespan.shutdown.complete":
            raise RuntimeError(f"a lifespan has no message {kind!r}")
        self._answer.set()  # no checkpoint here: behind its last message an application runs on to its next wait
