"""What may be said in a response, and how it is framed."""

from http import HTTPStatus

import pytest

from pystack.http import HttpConfig, Response, plain
from pystack.http.request import Headers
from pystack.http.response import Framing, frame, http_date, reason

NAMELESS = HttpConfig(server_name="")
DATED: Headers = ((b"Date", b"mine"),)


@pytest.mark.parametrize(
    "arguments",
    [
        {"status": 100},
        {"status": 600},
        {"status": 200, "headers": ((b"A", b"b\r\nSet-Cookie: x"),)},
        {"status": 200, "headers": ((b"A", b"b\0"),)},
        {"status": 200, "headers": ((b"A: b\r\nC", b"d"),)},
        {"status": 200, "headers": ((b"", b"d"),)},
        {"status": 200, "headers": ((b"content-LENGTH", b"3"),), "body": b"abc"},
        {"status": 200, "headers": ((b"Transfer-Encoding", b"chunked"),)},
        {"status": 200, "body": b"abc", "length": 4},
        {"status": 200, "length": -1},
    ],
)
def test_what_cannot_travel_is_refused(arguments: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        Response(**arguments)  # type: ignore[arg-type]


def framed(status: int, headers: Headers, length: int, config: HttpConfig = NAMELESS) -> Framing:
    return frame(status, headers, length, request=None, close=False, config=config)


def test_the_head_is_what_it_should_be() -> None:
    headers = ((b"X", b"1"), (b"x", b"2"))
    assert framed(404, headers, 3, HttpConfig(server_name="s", wall_clock=lambda: 784_111_777)).head == (
        b"HTTP/1.1 404 Not Found\r\nX: 1\r\nx: 2\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nServer: s\r\n"
        b"Content-Length: 3\r\n\r\n"
    )
    assert framed(404, (*DATED, (b"server", b"mine")), 3, HttpConfig()).head == (
        b"HTTP/1.1 404 Not Found\r\nDate: mine\r\nserver: mine\r\nContent-Length: 3\r\n\r\n"
    )


def test_a_handler_can_end_the_connection() -> None:
    framing = framed(200, ((b"connection", b"X, Close"), *DATED), 0)
    assert framing.close
    assert framing.head == b"HTTP/1.1 200 OK\r\nDate: mine\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


def test_a_status_without_a_name_has_an_empty_phrase() -> None:
    assert reason(299) == ""
    assert reason(HTTPStatus.NOT_FOUND) == "Not Found"
    assert framed(299, (), 0).head.startswith(b"HTTP/1.1 299 \r\n")


def test_plain_says_the_status_and_why() -> None:
    assert plain(400, "no Host").body == b"400 Bad Request\nno Host\n"
    assert plain(404).body == b"404 Not Found\n"


def test_the_example_date_of_rfc_9110() -> None:
    assert http_date(784_111_777) == b"Sun, 06 Nov 1994 08:49:37 GMT"
