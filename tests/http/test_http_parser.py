"""The values that the parser makes, and the memory that it may hold while it makes them."""

import dataclasses
from http import HTTPStatus
from typing import Any

import pytest
from http_exchange import CONFIG, get

from pystack.http.parser import Event, RequestParser
from pystack.http.request import End, Headers, Request, RequestFailed, build


def drain(parser: RequestParser) -> list[Event]:
    return list(iter(parser.next_event, None))


def parse(*parts: bytes) -> list[Event]:
    """What the parser says, with the pieces of bodies joined."""
    parser = RequestParser(CONFIG)
    events: list[Event] = []
    for part in parts:
        parser.feed(part)
        for event in drain(parser):
            if isinstance(event, bytes) and events and isinstance(events[-1], bytes):
                events[-1] += event
            else:
                events.append(event)
    return events


def test_a_request_is_plain_values() -> None:
    raw = b"PUT /a%20b?c=d?e HTTP/1.1\r\nHost: x\r\nX-Y:  z \t\r\nEmpty:\r\nX-Y: 2\r\nContent-Length: 3\r\n\r\nabc"
    request, *rest = parse(raw)
    assert request == Request(
        method=b"PUT",
        target=b"/a%20b?c=d?e",
        path=b"/a%20b",
        query=b"c=d?e",
        authority=b"x",
        version="1.1",
        headers=((b"host", b"x"), (b"x-y", b"z"), (b"empty", b""), (b"x-y", b"2"), (b"content-length", b"3")),
        length=3,
        keep_alive=True,
        expect_continue=False,
    )
    assert rest == [b"abc", End()]
    assert isinstance(request, Request)
    assert request.header(b"x-y") == b"z"
    assert request.header(b"nothing") is None


def test_trailers_do_not_leak_into_the_next_request() -> None:
    chunked = get("/", "Transfer-Encoding: chunked") + b"1\r\n!\r\n0\r\nEvil: yes\r\n\r\n"
    for parts in ([chunked + get("/2")], [bytes([byte]) for byte in chunked + get("/2")]):
        first, data, end, second, last = parse(*parts)
        assert isinstance(second, Request)
        assert (data, end, last) == (b"!", End(((b"evil", b"yes"),)), End())
        assert second.headers == ((b"host", b"x"),)
        assert isinstance(first, Request)
        assert first.header(b"evil") is None


def test_the_absolute_form_goes_before_the_host_field() -> None:
    request = parse(get("http://y:81/a?b"))[0]
    assert isinstance(request, Request)
    assert (request.authority, request.path, request.query) == (b"y:81", b"/a", b"b")
    assert request.header(b"host") == b"x"


def test_members_of_lists_are_found_in_any_field() -> None:
    request = parse(get("/", "TE: gzip;q=1,\tTrailers", "TE: x"))[0]
    assert isinstance(request, Request)
    assert request.lists(b"te", b"trailers")
    assert request.lists(b"te", b"x")
    assert not request.lists(b"te", b"gzip")
    assert not request.lists(b"connection", b"te")


@pytest.mark.parametrize("framing", ["Content-Length: 5", "Transfer-Encoding: chunked"])
def test_an_upgrade_that_is_ignored_keeps_the_framing(framing: str) -> None:
    body = b"hello" if "Length" in framing else b"5\r\nhello\r\n0\r\nT: v\r\n\r\n"
    raw = get("/", "Connection: Upgrade", "Upgrade: x", framing) + body + get("/2")
    for parts in ([raw], [bytes([byte]) for byte in raw]):
        first, data, end, second, last = parse(*parts)
        assert isinstance(first, Request)
        assert isinstance(second, Request)
        assert (first.header(b"upgrade"), second.target) == (b"x", b"/2")
        assert (data, last) == (b"hello", End())
        assert end == End(() if "Length" in framing else ((b"t", b"v"),))


def test_nothing_is_parsed_before_it_is_asked_for() -> None:
    parser = RequestParser(CONFIG)
    parser.feed(get() + b"nonsense\r\n")
    assert isinstance(parser.next_event(), Request)
    assert parser.next_event() == End()
    assert parser.buffered == len(b"nonsense\r\n")
    with pytest.raises(RequestFailed, match="400"):
        parser.next_event()


def test_it_knows_when_nothing_has_arrived() -> None:
    parser = RequestParser(CONFIG)
    for part, between in ((b"", True), (b"\r", True), (b"\n\r\n", True), (b"G", False), (get()[1:-1], False)):
        parser.feed(part)
        assert parser.next_event() is None
        assert parser.between_requests == between
    parser.feed(b"\n\r\n")
    assert [type(event) for event in drain(parser)] == [Request, End]
    assert parser.between_requests
    parser.feed_eof()
    assert parser.next_event() is None


def test_nothing_follows_a_failure() -> None:
    parser = RequestParser(CONFIG)
    parser.feed(b"nonsense\r\n")
    with pytest.raises(RequestFailed) as caught:
        parser.next_event()
    assert caught.value.status == HTTPStatus.BAD_REQUEST
    parser.feed(get())
    parser.feed_eof()
    assert parser.next_event() is None


def test_the_limit_is_for_each_request() -> None:
    large = get("/", "A: " + "b" * (CONFIG.max_head_size * 2 // 3))
    assert [type(event) for event in parse(large * 3)] == [Request, End] * 3


@pytest.mark.parametrize("hello", [b"\x16\x03", b"SSH-2.0\x00", b"\n", b"\rG", b" "])
def test_another_protocol_is_refused_before_its_line_ends(hello: bytes) -> None:
    parser = RequestParser(CONFIG)
    parser.feed(hello)
    with pytest.raises(RequestFailed, match="400"):
        parser.next_event()


def test_a_framing_that_llhttp_sees_otherwise_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(*args: Any) -> Request:
        return dataclasses.replace(build(*args), length=3)

    monkeypatch.setattr("pystack.http.parser.build", wrong)
    with pytest.raises(RequestFailed, match="ambiguous"):
        parse(get("/", "Content-Length: 5") + b"hello")


@pytest.mark.parametrize(
    "fields",
    [
        ((b"content-length", b"5"), (b"transfer-encoding", b"chunked")),
        ((b"content-length", b"5"), (b"content-length", b"5")),
        ((b"content-length", b"+5"),),
        ((b"content-length", b"5" * 20),),
        ((b"transfer-encoding", b"chunked"), (b"transfer-encoding", b"chunked")),
        ((b"transfer-encoding", b"identity"),),
    ],
)
def test_framing_is_judged_here_too(fields: Headers) -> None:
    with pytest.raises(RequestFailed, match="400"):
        build(b"GET", b"/", "1.1", ((b"host", b"x"), *fields))


def feed_quietly(parser: RequestParser, part: bytes, times: int) -> None:
    for _ in range(times):
        parser.feed(part)
        assert drain(parser) == []


CHUNKED = get("/", "Transfer-Encoding: chunked")


@pytest.mark.parametrize(
    ("start", "endless", "status"),
    [
        (b"", b"\r\n", 400),
        (b"", b"G", 501),
        (b"GET /", b"a", 414),
        (b"GET / HTTP/1.1\r\n", b"a", 431),
        (b"GET / HTTP/1.1\r\nA:", b" ", 431),
        (b"GET / HTTP/1.1\r\nA:", b"a", 431),
        (b"GET / HTTP/1.1\r\n", b"A:b\r\n", 431),
        (CHUNKED + b"1;", b"a", 400),
        (CHUNKED + b"1;a=", b"b", 400),
        (CHUNKED, b"0", 400),
        (CHUNKED + b"0\r\n", b"A:b\r\n", 400),
        (CHUNKED + b"0\r\nA:", b"b", 400),
    ],
)
@pytest.mark.parametrize("size", [100, 65_536])
def test_whatever_has_no_end_is_cut_off(start: bytes, endless: bytes, status: int, size: int) -> None:
    parser = RequestParser(CONFIG)
    parser.feed(start)
    drain(parser)
    part = endless * (size // len(endless))
    with pytest.raises(RequestFailed) as caught:
        feed_quietly(parser, part, 3 * CONFIG.max_head_size // len(part))
    assert caught.value.status == status
