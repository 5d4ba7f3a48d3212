"""Signals that end a command, and what a hosted application gets to hear of it, in virtual time."""

import errno
import os
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest
import trio
import trio.testing

from pystack.cli.services import serve_stream_service
from pystack.cli.stopping import Stop
from pystack.http import hosted
from pystack.link.memory import memory_pair
from pystack.net.open import open_device

GRACE = 10


def run(main: Callable[[], Awaitable[None]]) -> None:
    # Signals come by the real clock, so that time has to wait for them a little.
    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0.01))


async def kill(signals: list[float]) -> None:
    for at in signals:
        await trio.sleep_until(at)
        os.kill(os.getpid(), signal.SIGTERM)


def ended(signals: list[float], shutdown: float = 1, *, in_order: bool = False) -> list[tuple[str, float]]:
    """What an application sees that takes `shutdown` seconds at its end, and when all of it is over; a SIGTERM comes at
    each of `signals`. It is under work that never ends by itself, or that ends with the first signal."""
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

    async def main() -> None:
        stop = Stop(GRACE)
        async with trio.open_nursery() as killing:
            killing.start_soon(kill, signals)
            async with stop.listening(), hosted(app, drain=stop.drain):
                await stop.drain.wait_stopping()
                note("stopping")
                if not in_order:
                    await trio.sleep_forever()
            note("over")

    run(main)
    return events


def test_at_the_end_of_the_grace_time_the_application_is_told() -> None:
    assert ended([5]) == [("stopping", 5), ("told", 15), ("done", 16), ("over", 16)]


def test_it_has_a_few_seconds_for_that() -> None:
    assert ended([5], shutdown=60) == [("stopping", 5), ("told", 15), ("over", 18)]


def test_a_second_signal_ends_at_once_and_tells_nobody() -> None:
    assert ended([5, 6]) == [("stopping", 5), ("over", 6)]


def test_a_second_signal_ends_a_shutdown_too() -> None:
    assert ended([5, 16], shutdown=60) == [("stopping", 5), ("told", 15), ("over", 16)]


def test_a_second_signal_ends_a_shutdown_in_order_too() -> None:
    assert ended([5], shutdown=2, in_order=True) == [("stopping", 5), ("told", 5), ("done", 7), ("over", 7)]
    assert ended([5, 6], shutdown=60, in_order=True) == [("stopping", 5), ("told", 5), ("over", 6)]


@pytest.mark.parametrize(("signals", "at"), [([5], 5 + GRACE), ([5, 6], 6)])
def test_who_is_still_served_is_reset(signals: list[float], at: float) -> None:
    """At the end of the grace time and by a second signal: a FIN would say that all was said."""
    heard: list[object] = []

    async def client(stream: trio.SocketStream) -> None:
        await stream.send_all(b"x")
        assert await stream.receive_some() == b"x"
        with pytest.raises(trio.BrokenResourceError) as broken:
            await stream.receive_some()
        assert isinstance(broken.value.__cause__, OSError)
        heard.append((broken.value.__cause__.errno, trio.current_time()))

    async def main() -> None:
        near, far = memory_pair()
        stop = Stop(GRACE)
        async with open_device(far, ["10.0.0.1/24"]) as peer, trio.open_nursery() as beside:
            beside.start_soon(kill, signals)
            async with stop.listening(), open_device(near, ["10.0.0.2/24"]) as stop.net:
                listeners = await stop.net.open_tcp_listeners(7)
                beside.start_soon(client, await peer.open_tcp_stream("10.0.0.2", 7))
                await serve_stream_service("echo", listeners, stop.drain)

    run(main)
    assert heard == [(errno.ECONNRESET, pytest.approx(at, abs=0.001))]
