"""The life of an application: told when serving begins and ends."""

import logging
from typing import Any

import pytest
import trio
from http_asgi import answer, asked, hello, only
from http_exchange import get

from pystack.http import LifespanFailed


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
