"""Requests and the answers that RFC 9110 and 9112 want: the same over memory, byte by byte, and over the kernel."""

from functools import partial
from pathlib import Path

import pytest
import trio
from http_exchange import CONFIG, exchange, get, read_all, replies, say

from pystack.http import StaticFiles, serve_connection

INDEX = b"<h1>home</h1>"
H = b"Host: x\r\n"
PAGE = (200, INDEX)
MORE = get("/a.txt", "Connection: close")  # proves that the connection lives on, and that framing was kept


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("root")
    (root / "index.html").write_bytes(INDEX)
    (root / "a.txt").write_bytes(b"A")
    (root / "empty").write_bytes(b"")
    (root / "sub dir").mkdir()
    (root / "sub dir" / "index.html").write_bytes(b"sub")
    (root / "bare").mkdir()
    return root


# name: (bytes of the client, expected answers). An answer is its status, or its status and its body.
# Where the bytes end with MORE, the last answer shows that the connection was kept.
A = (200, b"A")
CASES: dict[str, tuple[bytes, list[int | tuple[int, bytes]]]] = {
    "index": (get("/") + MORE, [PAGE, A]),
    "file": (get("/a.txt") + MORE, [A, A]),
    "empty file": (get("/empty") + MORE, [(200, b""), A]),
    "query": (get("/a.txt?x=1&y=?") + MORE, [A, A]),
    "percent-encoded": (get("/%61%2Etxt") + MORE, [A, A]),
    "directory": (get("/sub%20dir/") + MORE, [(200, b"sub"), A]),
    "directory without its slash": (get("/sub%20dir") + MORE, [301, A]),
    "directory without an index": (get("/bare/") + MORE, [404, A]),
    "not there": (get("/nothing") + MORE, [404, A]),
    "file as a directory": (get("/a.txt/") + MORE, [404, A]),
    "below a file": (get("/a.txt/b") + MORE, [404, A]),
    "absolute form": (get("http://x/a.txt?q") + MORE, [A, A]),
    "absolute form without a path": (get("http://x") + MORE, [PAGE, A]),
    "absolute form, query only": (get("http://x?q") + MORE, [PAGE, A]),
    "HEAD": (get("/a.txt", method="HEAD") + MORE, [(200, b""), A]),
    "HEAD, not there": (get("/nothing", method="HEAD") + MORE, [(404, b""), A]),
    "OPTIONS *": (get("*", method="OPTIONS") + MORE, [405, A]),
    "DELETE": (get("/a.txt", method="DELETE") + MORE, [405, A]),
    "POST with Content-Length": (b"POST / HTTP/1.1\r\n" + H + b"Content-Length: 5\r\n\r\nhello" + MORE, [405, A]),
    "POST without a body": (b"POST / HTTP/1.1\r\n" + H + b"Content-Length: 0\r\n\r\n" + MORE, [405, A]),
    "body that looks like a request": (
        b"GET / HTTP/1.1\r\n" + H + b"Content-Length: %d\r\n\r\n" % len(get()) + get() + MORE,
        [PAGE, A],
    ),
    "chunked": (
        b"PUT / HTTP/1.1\r\n" + H + b"Transfer-Encoding: Chunked\r\n\r\n5;x=y\r\nhello\r\n1\r\n!\r\n0\r\n\r\n" + MORE,
        [405, A],
    ),
    "chunked with trailers": (
        b"GET / HTTP/1.1\r\n" + H + b"Transfer-Encoding: chunked\r\n\r\n1\r\n!\r\n0\r\nHost: y\r\nT: v\r\n\r\n" + MORE,
        [PAGE, A],
    ),
    "blank lines before a request": (b"\r\n\r\n" + get() + b"\r\n" + MORE, [PAGE, A]),
    "later minor version": (get(version="1.2") + MORE, [PAGE, A]),
    "HTTP/1.0": (get(version="1.0") + MORE, [PAGE]),
    "HTTP/1.0 without Host": (b"GET / HTTP/1.0\r\n\r\n", [PAGE]),
    "HTTP/1.0 keep-alive": (get("/", "Connection: keep-alive", version="1.0") + MORE, [PAGE, A]),
    "HTTP/1.0 keep-alive, Expect ignored": (
        b"POST / HTTP/1.0\r\nConnection: keep-alive\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n!" + MORE,
        [405, A],
    ),
    "close": (get("/", "Connection: close") + MORE, [PAGE]),
    "close among others": (get("/", "Connection: x, CLOSE") + MORE, [PAGE]),
    "empty Host": (b"GET / HTTP/1.1\r\nHost:\r\n\r\n" + MORE, [PAGE, A]),
    "Host with a port": (b"GET / HTTP/1.1\r\nHost: [fd00::2]:80 \t\r\n\r\n" + MORE, [PAGE, A]),
    "Upgrade is ignored": (get("/", "Connection: Upgrade", "Upgrade: h2c") + MORE, [PAGE, A]),
    "Upgrade with a body": (
        b"POST / HTTP/1.1\r\n"
        + H
        + b"Connection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: %d\r\n\r\n" % len(get())
        + get()
        + MORE,
        [405],
    ),
    "CONNECT": (get("x:443", method="CONNECT"), [405]),
    "Expect: 100-continue": (
        b"PUT / HTTP/1.1\r\n" + H + b"Expect: 100-Continue\r\nContent-Length: 3\r\n\r\nabc" + MORE,
        [405],
    ),
    "Expect without a body": (get("/", "Expect: 100-continue") + MORE, [PAGE, A]),
    "no Host": (b"GET / HTTP/1.1\r\n\r\n" + MORE, [400]),
    "two Hosts": (get("/", "Host: y") + MORE, [400]),
    "bad Host": (b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n" + MORE, [400]),
    "Host with a user": (b"GET / HTTP/1.1\r\nHost: me@x\r\n\r\n" + MORE, [400]),
    "fragment": (get("/a.txt#x") + MORE, [400]),
    "HTTP/2.0": (get(version="2.0") + MORE, [505]),
    "HTTP/0.9": (b"GET /\r\n\r\n", [505]),
    "version without a dot": (get(version="11") + MORE, [400]),
    "not HTTP": (b"\x16\x03\x01\x02\x00\x01\x00" + MORE, [400]),
    "unknown method": (get(method="BREW") + MORE, [400]),
    "space in the target": (get("/a b") + MORE, [400]),
    "control byte in the target": (b"GET /\x01 HTTP/1.1\r\n" + H + b"\r\n" + MORE, [400]),
    "bare LF": (b"GET / HTTP/1.1\nHost: x\n\n" + MORE, [400]),
    "bare CR": (get("/", "A: b\rc") + MORE, [400]),
    "NUL in a field": (get("/", "A: b\0c") + MORE, [400]),
    "obs-fold": (get("/", "A: b", " c") + MORE, [400]),
    "space before the colon": (get("/", "A : b") + MORE, [400]),
    "field without a name": (get("/", ": b") + MORE, [400]),
    "Content-Length and Transfer-Encoding": (
        get("/", "Content-Length: 5", "Transfer-Encoding: chunked") + b"0\r\n\r\n" + MORE,
        [400],
    ),
    "Transfer-Encoding and Content-Length": (
        get("/", "Transfer-Encoding: chunked", "Content-Length: 5") + b"0\r\n\r\n" + MORE,
        [400],
    ),
    "two Content-Lengths": (get("/", "Content-Length: 1", "Content-Length: 1") + b"!" + MORE, [400]),
    "list of Content-Lengths": (get("/", "Content-Length: 1, 1") + b"!" + MORE, [400]),
    "signed Content-Length": (get("/", "Content-Length: +1") + b"!" + MORE, [400]),
    "endless Content-Length": (get("/", "Content-Length: " + "9" * 30) + MORE, [400]),
    "Transfer-Encoding in HTTP/1.0": (get("/", "Transfer-Encoding: chunked", version="1.0") + b"0\r\n\r\n", [400]),
    "transfer coding not chunked": (get("/", "Transfer-Encoding: gzip") + MORE, [400]),
    "unknown transfer coding": (get("/", "Transfer-Encoding: gzip, chunked") + b"0\r\n\r\n" + MORE, [501]),
    "chunked twice": (get("/", "Transfer-Encoding: chunked, chunked") + b"0\r\n\r\n" + MORE, [400]),
    "bad chunk size": (get("/", "Transfer-Encoding: chunked") + b"0x1\r\n!\r\n0\r\n\r\n" + MORE, [400]),
    "chunk longer than said": (get("/", "Transfer-Encoding: chunked") + b"1\r\n!!\r\n0\r\n\r\n" + MORE, [400]),
    "long target": (get("/" + "a" * 8_192) + MORE, [414]),
    "longest target": (get("/" + "a" * 8_191) + MORE, [404, A]),
    "large field": (get("/", "A: " + "b" * 65_536) + MORE, [431]),
    "many fields": (get("/", *["A: b"] * 11_000) + MORE, [431]),
    "second request is bad": (get() + b"nonsense\r\n\r\n", [PAGE, 400]),
    "head cut short": (get()[:-2], [400]),
    "body cut short": (get("/", "Content-Length: 5") + b"hell", [400]),
    "nothing": (b"", []),
    "blank lines only": (b"\r\n\r\n", []),
}


def check(raw: bytes, request: bytes, expected: list[int | tuple[int, bytes]]) -> None:
    got = replies(raw, ["HEAD"] if request.startswith(b"HEAD") else [])
    assert len(got) == len(expected)
    for reply, want in zip(got, expected, strict=True):
        assert want == (reply.status if isinstance(want, int) else (reply.status, reply.body))
    for reply in got:
        assert reply.headers["date"] == "Tue, 14 Nov 2023 22:13:20 GMT"
        assert reply.headers["server"] == "pystack"
        assert "content-length" in reply.headers
        assert (reply.status == 405) == ("allow" in reply.headers)


@pytest.mark.parametrize("name", CASES)
def test_each_request_gets_its_answer(name: str, root: Path) -> None:
    request, expected = CASES[name]
    check(exchange(request, StaticFiles(root)), request, expected)


@pytest.mark.parametrize("name", CASES)
def test_the_answer_does_not_depend_on_how_the_bytes_are_split(name: str, root: Path) -> None:
    request, _ = CASES[name]
    size = 1 if len(request) < 1_000 else 1_000
    parts = [request[at : at + size] for at in range(0, len(request), size)]
    assert exchange(parts, StaticFiles(root)) == exchange(request, StaticFiles(root))


@pytest.mark.parametrize("name", CASES)
def test_kernel_sockets_carry_the_same_answers(name: str, root: Path) -> None:
    request, _ = CASES[name]
    assert trio.run(over_loopback, request, StaticFiles(root)) == exchange(request, StaticFiles(root))


async def over_loopback(request: bytes, handler: StaticFiles) -> bytes:
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with listener, trio.open_nursery() as nursery:
        client = await trio.open_tcp_stream("127.0.0.1", listener.socket.getsockname()[1])
        nursery.start_soon(partial(serve_connection, await listener.accept(), handler, CONFIG))
        async with client:
            nursery.start_soon(say, client, [request])
            return await read_all(client)
