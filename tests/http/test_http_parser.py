"""The values that the parser makes, and the memory that it may hold while it makes them."""

from http import HTTPStatus

import pytest
from http_exchange import CONFIG, get

from pystack.http.parser import Data, End, Failure, Request, RequestParser


def parse(*parts: bytes) -> list[object]:
    parser = RequestParser(CONFIG)
    for part in parts:
        parser.feed(part)
    return list(parser.events)


def test_a_request_is_plain_values() -> None:
    raw = b"PUT /a%20b?c=d?e HTTP/1.1\r\nHost: x\r\nX-Y:  z \t\r\nEmpty:\r\nX-Y: 2\r\nContent-Length: 3\r\n\r\nabc"
    request, *rest = parse(raw)
    assert request == Request(
        method=b"PUT",
        target=b"/a%20b?c=d?e",
        path=b"/a%20b",
        query=b"c=d?e",
        version="1.1",
        headers=((b"host", b"x"), (b"x-y", b"z"), (b"empty", b""), (b"x-y", b"2"), (b"content-length", b"3")),
        keep_alive=True,
        has_body=True,
        expect_continue=False,
    )
    assert rest == [Data(b"abc"), End()]
    assert isinstance(request, Request)
    assert request.header(b"x-y") == b"z"
    assert request.header(b"nothing") is None


def test_trailers_do_not_leak_into_the_next_request() -> None:
    chunked = get("/", "Transfer-Encoding: chunked") + b"1\r\n!\r\n0\r\nEvil: yes\r\n\r\n"
    for parts in ([chunked + get("/2")], [bytes([byte]) for byte in chunked + get("/2")]):
        first, data, end, second, last = parse(*parts)
        assert isinstance(second, Request)
        assert (data, end, last) == (Data(b"!"), End(), End())
        assert second.headers == ((b"host", b"x"),)
        assert isinstance(first, Request)
        assert first.header(b"evil") is None


def test_a_request_with_upgrade_and_body_never_shows_the_body_as_a_request() -> None:
    raw = get("/", "Connection: Upgrade", "Upgrade: x", "Content-Length: 5") + get("/smuggled")
    first = parse(raw)[0]
    assert isinstance(first, Request)
    assert not first.keep_alive  # so that nobody looks at what follows


def test_it_knows_when_nothing_has_arrived() -> None:
    parser = RequestParser(CONFIG)
    assert parser.between_requests
    parser.feed(b"\r\n")
    assert parser.between_requests
    parser.feed(b"G")
    assert not parser.between_requests
    parser.feed(get()[1:])
    assert parser.between_requests
    parser.feed_eof()
    assert [type(event) for event in parser.events] == [Request, End]


def test_nothing_follows_a_failure() -> None:
    parser = RequestParser(CONFIG)
    parser.feed(b"nonsense\r\n")
    parser.feed(get())
    parser.feed_eof()
    (failure,) = parser.events
    assert isinstance(failure, Failure)
    assert failure.status == HTTPStatus.BAD_REQUEST


def test_the_limit_is_for_each_request() -> None:
    large = get("/", "A: " + "b" * (CONFIG.max_head_size * 2 // 3))
    assert [type(event) for event in parse(large * 3)] == [Request, End] * 3


CHUNKED = get("/", "Transfer-Encoding: chunked")


@pytest.mark.parametrize(
    ("start", "endless", "status"),
    [
        (b"", b"\r\n", 431),
        (b"GET /", b"a", 414),
        (b"GET / HTTP/1.1\r\n", b"a", 431),
        (b"GET / HTTP/1.1\r\nA:", b" ", 431),
        (b"GET / HTTP/1.1\r\nA:", b"a", 431),
        (b"GET / HTTP/1.1\r\n", b"A:b\r\n", 431),
        (CHUNKED + b"1;", b"a", 400),
        (CHUNKED + b"1;a=", b"b", 400),
        (CHUNKED + b"0\r\n", b"A:b\r\n", 400),
        (CHUNKED + b"0\r\nA:", b"b", 400),
    ],
)
@pytest.mark.parametrize("size", [100, 65_536])
def test_whatever_has_no_end_is_cut_off(start: bytes, endless: bytes, status: int, size: int) -> None:
    parser = RequestParser(CONFIG)
    parser.feed(start)
    parser.events.clear()
    fed = 0
    part = endless * (size // len(endless))
    while not parser.events:
        assert fed < 3 * CONFIG.max_head_size
        parser.feed(part)
        fed += len(part)
    (failure,) = parser.events
    assert isinstance(failure, Failure)
    assert failure.status == status
