"""The life of an application: told when serving begins and ends."""

import logging
import math
from typing import Any

import pytest
import trio
from http_asgi import answer, asked, hello, only
from http_exchange import get, run

from pystack.http import Drain, LifespanFailed, hosted


def test_a_lifespan_frames_the_requests_and_its_state_reaches_them() -> None:
    events = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            events.append((await receive())["type"])
            scope["state"]["pool"] = "a pool"
            await trio.sleep(1)
            await send({"type": "lifespan.startup.complete"})
            events.append((await receive())["type"])
            await trio.sleep(1)
            await send({"type": "lifespan.shutdown.complete"})
            events.append("done")
            await trio.sleep_forever()  # nobody waits for that
        events.append(scope["state"]["pool"])
        scope["state"]["pool"] = "mine"  # a copy for each request
        await answer(send)

    asked(app, get() * 2)
    assert events == ["lifespan.startup", "a pool", "a pool", "lifespan.shutdown", "done"]


def test_an_application_that_cannot_start_says_so() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "no database"})
        await trio.sleep_forever()

    with pytest.raises(ExceptionGroup) as caught:
        asked(app)
    (failure,) = caught.value.exceptions
    assert isinstance(failure, LifespanFailed)
    assert str(failure) == "no database"


def test_a_failed_shutdown_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.failed", "message": "stuck"})
        else:
            await answer(send)

    asked(app)
    assert [record.message for record in caplog.records] == ["the application failed to shut down: stuck"]


async def answers_anything(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "http":
        await answer(send)


@pytest.mark.parametrize("app", [hello, answers_anything], ids=["raises", "returns"])
def test_an_application_without_lifespan_is_served(app: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    assert only(asked(app)).status == 200
    assert caplog.records == []


@pytest.mark.parametrize("when", ["serving", "shutting down"])
def test_an_application_that_dies_after_its_startup_is_an_error_in_the_log(
    when: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await answer(send, b"still served")
            return
        await receive()
        await send({"type": "lifespan.startup.complete"})
        if when == "shutting down":
            assert (await receive())["type"] == "lifespan.shutdown"
        raise RuntimeError("the pool is gone")

    assert only(asked(app)).body == b"still served"
    (record,) = caplog.records
    assert record.levelname == "ERROR"
    assert record.message == "the lifespan of the application ended by an error after its startup was complete"
    assert record.exc_info is not None
    assert str(record.exc_info[1]) == "the pool is gone"


class Pool:
    """An application that takes `seconds` to shut down, and notes when it was told, when it was done, and when not."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.events: list[tuple[str, float]] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        try:
            await receive()
            self._note("told")
            await trio.sleep(self.seconds)
            await send({"type": "lifespan.shutdown.complete"})
            self._note("done")
        except trio.Cancelled:
            self._note("cut")
            raise

    def _note(self, what: str) -> None:
        self.events.append((what, trio.current_time()))


def cancelled_at_10(app: Pool, *, abandoned_at: float = math.inf) -> list[tuple[str, float]]:
    """What `app` sees where it is hosted in a scope that is cancelled, and until when it is hosted."""

    async def main() -> None:
        drain = Drain()

        async def abandon() -> None:
            await trio.sleep(abandoned_at)
            drain.abandon()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(abandon)
            with trio.move_on_at(10):
                async with hosted(app, drain=drain):
                    await trio.sleep_forever()
            app.events.append(("left", trio.current_time()))
            nursery.cancel_scope.cancel()

    run(main)
    return app.events


def test_where_everything_is_cancelled_the_application_is_still_told() -> None:
    assert cancelled_at_10(Pool(seconds=1)) == [("told", 10), ("done", 11), ("left", 11)]


def test_its_last_words_have_an_end(caplog: pytest.LogCaptureFixture) -> None:
    assert cancelled_at_10(Pool(seconds=50)) == [("told", 10), ("cut", 13), ("left", 13)]
    assert [record.message for record in caplog.records] == ["the application was cut off before it had shut down"]


def test_an_abandoned_application_is_not_told() -> None:
    assert cancelled_at_10(Pool(seconds=1), abandoned_at=9) == [("cut", 10), ("left", 10)]


def test_an_application_can_be_abandoned_within_its_last_words() -> None:
    assert cancelled_at_10(Pool(seconds=50), abandoned_at=12) == [("told", 10), ("cut", 12), ("left", 12)]


def test_a_shutdown_in_order_takes_its_time_until_it_is_cancelled() -> None:
    app = Pool(seconds=50)

    async def main() -> None:
        with trio.move_on_at(30):
            async with hosted(app):
                await trio.sleep(5)

    run(main)
    assert app.events == [("told", 5), ("cut", 33)]


def test_cancelling_a_startup_is_not_delayed() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await trio.sleep_forever()

    async def main() -> float:
        with trio.move_on_at(7):
            async with hosted(app):
                raise AssertionError("it has not started")
        return trio.current_time()

    assert run(main) == 7
