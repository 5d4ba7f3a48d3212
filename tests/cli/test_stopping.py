"""Signals that end a command, and what a hosted application gets to hear of it, in virtual time."""

import os
import signal
from contextlib import suppress
from typing import Any

import trio
import trio.testing

from pystack.cli.stopping import Stop
from pystack.http import hosted

GRACE = 10


def ended(signals: list[float], shutdown: float = 1) -> list[tuple[str, float]]:
    """What an application sees that takes `shutdown` seconds at its end, under work that never ends by itself, and when
    all of it is over; a SIGTERM comes at each of `signals`."""
    events = []

    def note(what: str) -> None:
        events.append((what, trio.current_time()))

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        note("told")
        with suppress(trio.Cancelled):
            await trio.sleep(shutdown)
            note("done")
        await send({"type": "lifespan.shutdown.complete"})

    async def kill() -> None:
        for at in signals:
            await trio.sleep_until(at)
            os.kill(os.getpid(), signal.SIGTERM)

    async def main() -> None:
        stop = Stop(GRACE)
        async with trio.open_nursery() as killing:
            killing.start_soon(kill)
            async with stop.listening(), hosted(app, drain=stop.drain):
                await stop.drain.wait_stopping()
                note("stopping")
                await trio.sleep_forever()
            note("over")

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0.01))
    return events


def test_at_the_end_of_the_grace_time_the_application_is_told() -> None:
    assert ended([5]) == [("stopping", 5), ("told", 15), ("done", 16), ("over", 16)]


def test_it_has_a_few_seconds_for_that() -> None:
    assert ended([5], shutdown=60) == [("stopping", 5), ("told", 15), ("over", 18)]


def test_a_second_signal_ends_at_once_and_tells_nobody() -> None:
    assert ended([5, 6]) == [("stopping", 5), ("over", 6)]


def test_a_second_signal_ends_a_shutdown_too() -> None:
    assert ended([5, 16], shutdown=60) == [("stopping", 5), ("told", 15), ("over", 16)]
