"""ASGI applications that go wrong before, within or behind their response."""

from typing import Any

import h11
import pytest
from http_asgi import OK, answer, asked, hello
from http_exchange import get, replies


async def raises(scope: Any, receive: Any, send: Any) -> None:
    raise RuntimeError("x")


async def returns(scope: Any, receive: Any, send: Any) -> None:
    pass


async def starts(scope: Any, receive: Any, send: Any) -> None:
    await send(OK)


async def body_first(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.body", "body": b"x"})


async def unknown(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.nonsense"})


async def two_starts(scope: Any, receive: Any, send: Any) -> None:
    await send(OK)
    await send(OK)


async def splits(scope: Any, receive: Any, send: Any) -> None:
    await answer(send, b"", (b"A", b"b\r\nc: d"))


async def bad_length(scope: Any, receive: Any, send: Any) -> None:
    await answer(send, b"abc", (b"content-length", b"2"))


async def short_length(scope: Any, receive: Any, send: Any) -> None:
    await answer(send, b"abc", (b"content-length", b"4"))


BAD = [raises, returns, starts, body_first, unknown, two_starts, splits, bad_length, short_length]


@pytest.mark.parametrize("app", BAD)
def test_what_goes_wrong_before_the_response_is_a_500(app: Any, caplog: pytest.LogCaptureFixture) -> None:
    assert [reply.status for reply in replies(asked(app, get() * 2))] in ([500, 500], [500])
    errors = [record for record in caplog.records if record.levelname == "ERROR"]
    assert errors
    assert all(record.exc_info and not isinstance(record.exc_info[1], ExceptionGroup) for record in errors)


def test_what_goes_wrong_within_the_response_ends_the_connection(caplog: pytest.LogCaptureFixture) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        await send(OK)
        await send({"type": "http.response.body", "body": b"x", "more_body": True})
        raise RuntimeError

    with pytest.raises(h11.RemoteProtocolError, match=r"peer .*closed connection without sending"):
        replies(asked(app, get() * 2))
    assert [record.levelname for record in caplog.records] == ["ERROR"]


def test_what_goes_wrong_after_the_response_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await hello(scope, receive, send)
        await send({"type": "http.response.body"})

    assert [reply.body for reply in replies(asked(app, get() * 2))] == [b"hello"] * 2
    assert [record.levelname for record in caplog.records] == ["ERROR"] * 2
