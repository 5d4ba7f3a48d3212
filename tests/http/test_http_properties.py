"""What holds for any bytes at all."""

from http_exchange import CONFIG, exchange, get, replies
from hypothesis import given, settings
from hypothesis import strategies as st

from pystack.http import Exchange, RequestFailed, Response
from pystack.http.parser import Event, RequestParser


async def echo(exchange: Exchange) -> Response:
    """Reads the body, but for that of `/unread`."""
    request = exchange.request
    body = b""
    while request.path != b"/unread" and (piece := await exchange.receive()):
        body += piece
    said = (request.headers, body, exchange.trailers)
    return Response(200, body=b"%s %s %r" % (request.method, request.target, said))


REQUESTS = [
    get("/a?b"),
    get("/", "Empty:", "A:  b ", "A: c"),
    get("/c", method="HEAD"),
    get("/k", "Connection: keep-alive", version="1.0"),
    get("/u", "Connection: Upgrade", "Upgrade: h2c"),
    get("/u", "Connection: Upgrade", "Upgrade: h2c", "Content-Length: 5") + b"hello",
    get("/unread", "Content-Length: 5") + b"hello",
    get("/e", "Expect: 100-continue", "Content-Length: 5") + b"hello",
    get("/p", "Content-Length: 5") + b"hello",
    get("/t", "Transfer-Encoding: chunked") + b"5;x=y\r\nhello\r\n00\r\nT: v\r\n\r\n",
    b"\r\n\r\n" + get("/blank"),
]
LAST = [
    b"",
    get("/", "Connection: close"),
    b"BREW / HTTP/1.1\r\n",
    get()[:-3],
    get("/", "A: b", " c"),
    get("/", "Host: y"),
]

WORDS = [
    *(
        b"GET ",
        b"HEAD ",
        b"POST ",
        b"/",
        b"*",
        b"http://x/",
        b" HTTP/1.1",
        b" HTTP/1.0",
        b" HTTP/2.0",
        b"\r\n",
        b"\r",
        b"\n",
    ),
    *(
        b"Host: x\r\n",
        b"Content-Length: ",
        b"5",
        b"Transfer-Encoding: ",
        b"chunked",
        b"Connection: ",
        b"close",
        b"keep-alive",
    ),
    *(
        b"Upgrade: h2c\r\n",
        b"upgrade",
        b"Expect: 100-continue\r\n",
        b"0\r\n\r\n",
        b": ",
        b", ",
        b";",
        b"\0",
        b"\xff",
        get(),
    ),
]


@st.composite
def splits(draw: st.DrawFn, data: bytes) -> list[bytes]:
    cuts = sorted(draw(st.lists(st.integers(0, len(data)), max_size=20)))
    return [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True) if b > a]


@given(st.data(), st.lists(st.sampled_from(REQUESTS), max_size=6), st.sampled_from(LAST))
@settings(max_examples=150, deadline=None)
def test_any_split_of_the_same_bytes_gets_the_same_answers(data: st.DataObject, some: list[bytes], last: bytes) -> None:
    raw = b"".join([*some, last])
    whole = exchange(raw, echo)
    assert exchange(data.draw(splits(raw)), echo) == whole
    methods = ["HEAD" if request.startswith(b"HEAD") else "GET" for request in some]
    got = replies(whole, methods)
    assert len(got) == len(some) + (last != b"")
    for reply, request, method in zip(got, some, methods, strict=False):
        target = request.split()[1]
        assert (reply.status, reply.continues) == (200, target == b"/e")
        assert reply.body.startswith(b"%s %s " % (method.encode(), target)) or method == "HEAD"


@given(st.lists(st.one_of(st.binary(max_size=40), st.sampled_from(WORDS)), max_size=30))
@settings(max_examples=300, deadline=None)
def test_no_bytes_raise_and_all_answers_are_http(parts: list[bytes]) -> None:
    raw = exchange([part for part in parts if part], echo)
    # An answer to HEAD has a length and no body. No body here begins like a head, so that the next bytes tell.
    text = raw
    while text:
        head, _, rest = text.partition(b"\r\n\r\n")
        status = int(head.split(b" ")[1])
        if status == 100:
            text = rest
            continue
        assert status in (200, 400, 414, 431, 501, 505)
        (length,) = [int(line[16:]) for line in head.split(b"\r\n") if line.startswith(b"Content-Length: ")]
        text = rest if rest.startswith(b"HTTP/1.1 ") or not rest else rest[length:]


def events(parts: list[bytes]) -> tuple[list[Event], str]:
    """What the parser says of these bytes, with the pieces of bodies joined, and how it ended."""
    parser = RequestParser(CONFIG)
    found: list[Event] = []
    try:
        for part in [*parts, b""]:
            if part:
                parser.feed(part)
            else:
                parser.feed_eof()
            while (event := parser.next_event()) is not None:
                if isinstance(event, bytes) and isinstance(found[-1], bytes):
                    event = found.pop() + event
                found.append(event)
    except RequestFailed as failure:
        # How much of a body was heard before it went wrong does depend on the split.
        return [event for event in found if not isinstance(event, bytes)], str(failure.status)
    return found, ""


@given(
    st.data(),
    st.lists(st.one_of(st.binary(max_size=20), st.sampled_from(WORDS), st.sampled_from(REQUESTS)), max_size=12),
)
@settings(max_examples=500, deadline=None)
def test_any_split_of_any_bytes_is_the_same_events(data: st.DataObject, some: list[bytes]) -> None:
    raw = b"".join(some)
    assert events(data.draw(splits(raw))) == events([raw])
