"""The life of an ASGI application: told when serving begins and ends (the lifespan part of the ASGI specification)."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager
from typing import Any

import trio

logger = logging.getLogger("pystack.http")

Message = MutableMapping[str, Any]
App = Callable[
    [MutableMapping[str, Any], Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]
]
"""An ASGI 3 application: called with a scope, `receive` and `send`."""

VERSIONS = {"version": "3.0", "spec_version": "2.4"}


class LifespanFailed(Exception):
    """The application said that it cannot start; the text is its own."""


@asynccontextmanager
async def lifespan(app: App) -> AsyncIterator[dict[str, Any]]:
    """Starts `app`, gives the state that it wants to see in its requests, and shuts it down at the end.

    An application that does not know of lifespans is served without. Raises `LifespanFailed`, in an exception group,
    where one says that it cannot start.
    """
    life = _Lifespan(app)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(life.run)
        await life.tell("lifespan.startup")
        if life.failure is not None:
            raise LifespanFailed(life.failure or "the application cannot start")
        try:
            yield life.state
        finally:
            await life.tell("lifespan.shutdown")
            if life.failure is not None:
                logger.error("the application failed to shut down: %s", life.failure)
            nursery.cancel_scope.cancel()


class _Lifespan:
    def __init__(self, app: App) -> None:
        self.state: dict[str, Any] = {}
        self.failure: str | None = None
        self._app = app
        self._events, self._to_app = trio.open_memory_channel[Message](1)
        self._answered = trio.Event()
        self._over = False

    async def run(self) -> None:
        """The application's task."""
        scope = {"type": "lifespan", "asgi": VERSIONS, "state": self.state}
        try:
            await self._app(scope, self._to_app.receive, self._hear)
        except Exception as error:
            # The specification: whoever raises here is served without lifespan.
            if self.failure is None:
                logger.info("the application goes without lifespan: %r", error)
        finally:
            self._over = True
            self._answered.set()

    async def tell(self, event: str) -> None:
        """Sends an event, and returns once it is answered; at once where nobody listens."""
        if self._over:
            return
        self._answered = trio.Event()
        await self._events.send({"type": event})
        await self._answered.wait()

    async def _hear(self, message: Message) -> None:
        kind = message["type"]
        if kind in ("lifespan.startup.failed", "lifespan.shutdown.failed"):
            self.failure = str(message.get("message", ""))
        elif kind not in ("lifespan.startup.complete", "lifespan.shutdown.complete"):
            raise RuntimeError(f"a lifespan has no message {kind!r}")
        self._answered.set()  # no checkpoint here: behind its last message an application runs on to its next wait
