"""What holds for any bytes at all."""

from http_exchange import exchange, get, replies
from hypothesis import given, settings
from hypothesis import strategies as st

from pystack.http import Exchange, Response


async def echo(exchange: Exchange) -> Response:
    request = exchange.request
    return Response(200, body=b"%s %s %r" % (request.method, request.target, request.headers))


REQUESTS = [
    get("/a?b"),
    get("/", "Empty:", "A:  b ", "A: c"),
    get("/c", method="HEAD"),
    get("/k", "Connection: keep-alive", version="1.0"),
    get("/u", "Connection: Upgrade", "Upgrade: h2c"),
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
    assert [reply.status for reply in got[: len(some)]] == [200] * len(some)
    assert len(got) == len(some) + (last != b"")


@given(st.lists(st.one_of(st.binary(max_size=40), st.sampled_from(WORDS)), max_size=30))
@settings(max_examples=300, deadline=None)
def test_no_bytes_raise_and_all_answers_are_http(parts: list[bytes]) -> None:
    raw = exchange([part for part in parts if part], echo)
    # An answer to HEAD has a length and no body. No body here begins like a head, so that the next bytes tell.
    text = raw
    while text:
        head, _, rest = text.partition(b"\r\n\r\n")
        status = int(head.split(b" ")[1])
        assert status in (200, 400, 414, 431, 501, 505)
        (length,) = [int(line[16:]) for line in head.split(b"\r\n") if line.startswith(b"Content-Length: ")]
        text = rest if rest.startswith(b"HTTP/1.1 ") or not rest else rest[length:]
