"""Requests and the answers that RFC 9110 and 9112 want, as data: the tests run them over every kind of stream, and
docs/reference/http.md is made from them."""

import os
from pathlib import Path

from pystack.http import Exchange, Handler, HttpConfig, Response, StaticFiles

NOW = 1_700_000_000  # Tue, 14 Nov 2023 22:13:20 GMT
CONFIG = HttpConfig(wall_clock=lambda: NOW, max_body_size=100_000)

Answer = int | tuple[int, bytes]
"""A status, or a status and a body."""
Case = tuple[bytes, list[Answer]]
"""All that the client says before it half-closes, and the answers. 100 Continue is one of them."""

INDEX = b"<h1>home</h1>"
DIGITS = b"0123456789"
CHANGED = NOW - 100  # Tue, 14 Nov 2023 22:11:40 GMT
TAG = f'"{CHANGED * 10**9:x}-a"'


def make_root(root: Path) -> Handler:
    """Fills an empty directory, and gives the handler that the cases are about: its files; `/echo`, which answers with
    the body and the trailers of a request; `/pieces`, a response in chunks with a trailer."""
    (root / "index.html").write_bytes(INDEX)
    (root / "a.txt").write_bytes(b"A")
    (root / "empty").write_bytes(b"")
    (root / "sub dir").mkdir()
    (root / "sub dir" / "index.html").write_bytes(b"sub")
    (root / "bare").mkdir()
    (root / "digits").write_bytes(DIGITS)
    os.utime(root / "digits", ns=(CHANGED * 10**9, CHANGED * 10**9))
    (root / "style.css").write_bytes(b"plain")
    (root / "style.css.gz").write_bytes(b"gzipped")
    files = StaticFiles(root, wall_clock=CONFIG.wall_clock, entropy=bytes)

    async def handler(exchange: Exchange) -> Response | None:
        match exchange.request.path:
            case b"/echo":
                body = b""
                while piece := await exchange.receive():
                    body += piece
                return Response(200, body=body + b"".join(b"|%s=%s" % field for field in exchange.trailers))
            case b"/pieces":
                exchange.start(200)
                await exchange.send(b"ab")
                await exchange.send(b"c")
                await exchange.end(((b"Sum", b"3"),))
                return None
        return await files(exchange)

    return handler


def get(target: str = "/", *fields: str, version: str = "1.1", method: str = "GET") -> bytes:
    """A well-formed request without a body."""
    lines = [f"{method} {target} HTTP/{version}", "Host: x", *fields]
    return "\r\n".join([*lines, "", ""]).encode()


def line(raw: str) -> bytes:
    """A request with this request line."""
    return f"{raw}\r\nHost: x\r\n\r\n".encode("latin-1")


def post(fields: str, body: bytes = b"", target: str = "/echo") -> bytes:
    """A POST request with these header fields."""
    return get(target, *fields.split("\n"), method="POST") + body


def chunked(body: bytes, *fields: str) -> bytes:
    """A POST request to `/echo` with `body` as it stands behind the head."""
    return get("/echo", "Transfer-Encoding: chunked", *fields, method="POST") + body


def digits(*fields: str, method: str = "GET") -> bytes:
    """A request for a file of ten digits, and one more."""
    return get("/digits", *fields, method=method) + MORE


def part(shown: bytes, where: str) -> bytes:
    """One part of a multipart/byteranges body."""
    head = f"--{'0' * 32}\r\nContent-Type: application/octet-stream\r\nContent-Range: bytes {where}/10\r\n\r\n"
    return head.encode() + shown + b"\r\n"


PAGE = (200, INDEX)
A = (200, b"A")
MORE = get("/a.txt", "Connection: close")  # where its answer comes, the connection was kept and so was the framing
HELLO = (200, b"hello")
ALL = (200, DIGITS)
END = b"--" + b"0" * 32 + b"--\r\n"
EXPECT = "Expect: 100-continue\nContent-Length: 5"

SECTIONS: dict[str, dict[str, Case]] = {
    "Methods and targets": {
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
        "absolute form, https": (get("HTTPS://x:443/a.txt") + MORE, [A, A]),
        "absolute form without a path": (get("http://x") + MORE, [PAGE, A]),
        "absolute form, query only": (get("http://x?q") + MORE, [PAGE, A]),
        "absolute form with a user": (get("http://me@x/") + MORE, [400]),
        "absolute form without a host": (get("http:///a.txt") + MORE, [400]),
        "absolute form of another scheme": (get("ftp://x/a.txt") + MORE, [400]),
        "target without a slash": (get("a.txt") + MORE, [400]),
        "fragment": (get("/a.txt#x") + MORE, [400]),
        "space in the target": (get("/a b") + MORE, [400]),
        "control byte in the target": (get("/\x01") + MORE, [400]),
        "NUL in the target": (get("/\0") + MORE, [400]),
        "raw UTF-8 in the target": (get("/é") + MORE, [400]),
        "HEAD": (get("/a.txt", method="HEAD") + MORE, [(200, b""), A]),
        "HEAD, not there": (get("/nothing", method="HEAD") + MORE, [(404, b""), A]),
        "OPTIONS": (get("/a.txt", method="OPTIONS") + MORE, [(204, b""), A]),
        "OPTIONS *": (get("*", method="OPTIONS") + MORE, [(204, b""), A]),
        "OPTIONS with a body": (get("/", "Content-Length: 2", method="OPTIONS") + b"{}" + MORE, [(204, b""), A]),
        "GET *": (get("*") + MORE, [400]),
        "DELETE": (get("/a.txt", method="DELETE") + MORE, [405, A]),
        "TRACE": (get("/", method="TRACE") + MORE, [405, A]),
        "TRACE with a body": (get("/", "Content-Length: 1", method="TRACE") + b"!" + MORE, [400]),
        "CONNECT": (get("x:443", method="CONNECT") + MORE, [501]),
        "unknown method": (get(method="BREW") + MORE, [501]),
        "method in lower case": (get(method="get") + MORE, [501]),
        "longest method": (get(method="B" * 10_000) + MORE, [501]),
        "method of RTSP": (get(method="DESCRIBE") + MORE, [501]),
        "method that is no token": (get(method="G@T") + MORE, [400]),
    },
    "Files": {
        "bytes=2-4": (digits("Range: bytes=2-4"), [(206, b"234"), A]),
        "bytes=8-": (digits("Range: bytes=8-"), [(206, b"89"), A]),
        "bytes=-3": (digits("Range: bytes=-3"), [(206, b"789"), A]),
        "range beyond the end": (digits("Range: bytes=8-100"), [(206, b"89"), A]),
        "range behind the end": (digits("Range: bytes=10-"), [416, A]),
        "last 0 bytes": (digits("Range: bytes=-0"), [416, A]),
        "range beyond 64 bits": (digits("Range: bytes=2-" + "9" * 400), [(206, DIGITS[2:]), A]),
        "two ranges": (
            digits("Range: bytes=7-, 0-1"),
            [(206, part(b"789", "7-9") + part(b"01", "0-1") + END), A],
        ),
        "two ranges, one behind the end": (digits("Range: bytes=10-11,0-1"), [(206, b"01"), A]),
        "three ranges that overlap": (
            digits("Range: bytes=0-1,1-2,2-2"),
            [(206, part(b"01", "0-1") + part(b"12", "1-2") + part(b"2", "2-2") + END), A],
        ),
        "four ranges that overlap": (digits("Range: bytes=0-9,0-9,0-9,0-9"), [ALL, A]),
        "33 ranges": (digits("Range: bytes=" + "0-0," * 33), [ALL, A]),
        "range from high to low": (digits("Range: bytes=4-2"), [ALL, A]),
        "range in other units": (digits("Range: lines=1-2"), [ALL, A]),
        "range that cannot be read": (digits("Range: bytes=2-x"), [ALL, A]),
        "two Range fields": (digits("Range: bytes=0-1", "Range: bytes=2-3"), [ALL, A]),
        "range of an empty file": (get("/empty", "Range: bytes=0-") + MORE, [(200, b""), A]),
        "HEAD with a range": (digits("Range: bytes=2-4", method="HEAD"), [(200, b""), A]),
        "If-Range, the same tag": (digits("Range: bytes=2-4", f"If-Range: {TAG}"), [(206, b"234"), A]),
        "If-Range, another tag": (digits("Range: bytes=2-4", 'If-Range: "x"'), [ALL, A]),
        "If-Range, a weak tag": (digits("Range: bytes=2-4", f"If-Range: W/{TAG}"), [ALL, A]),
        "If-Range, the same date": (
            digits("Range: bytes=2-4", "If-Range: Tue, 14 Nov 2023 22:11:40 GMT"),
            [(206, b"234"), A],
        ),
        "If-Range, a later date": (digits("Range: bytes=2-4", "If-Range: Tue, 14 Nov 2023 22:11:41 GMT"), [ALL, A]),
        "If-Range without Range": (digits(f"If-Range: {TAG}"), [ALL, A]),
        "If-None-Match, the same tag": (digits(f"If-None-Match: {TAG}"), [304, A]),
        "If-None-Match, weak, among others": (digits(f'If-None-Match: "x", W/{TAG}'), [304, A]),
        "If-None-Match, another tag": (digits('If-None-Match: "x"'), [ALL, A]),
        "If-None-Match: *": (digits("If-None-Match: *", method="HEAD"), [(304, b""), A]),
        "If-None-Match before the range": (digits(f"If-None-Match: {TAG}", "Range: bytes=2-4"), [304, A]),
        "If-None-Match of what is not there": (get("/nothing", "If-None-Match: *") + MORE, [404, A]),
        "If-Modified-Since, the same date": (digits("If-Modified-Since: Tue, 14 Nov 2023 22:11:40 GMT"), [304, A]),
        "If-Modified-Since, an earlier date": (digits("If-Modified-Since: Tue, 14 Nov 2023 22:11:39 GMT"), [ALL, A]),
        "If-Modified-Since beside If-None-Match": (
            digits("If-Modified-Since: Tue, 14 Nov 2023 22:11:40 GMT", 'If-None-Match: "x"'),
            [ALL, A],
        ),
        "If-Modified-Since, no date": (digits("If-Modified-Since: yesterday"), [ALL, A]),
        "If-Match, the same tag": (digits(f"If-Match: {TAG}"), [ALL, A]),
        "If-Match, another tag": (digits('If-Match: "x"'), [412, A]),
        "If-Match, a weak tag": (digits(f"If-Match: W/{TAG}"), [412, A]),
        "If-Unmodified-Since, an earlier date": (
            digits("If-Unmodified-Since: Tue, 14 Nov 2023 22:11:39 GMT"),
            [412, A],
        ),
        "gzip, where NAME.gz is there": (get("/style.css", "Accept-Encoding: gzip") + MORE, [(200, b"gzipped"), A]),
        "gzip, where no NAME.gz is": (get("/a.txt", "Accept-Encoding: gzip") + MORE, [A, A]),
        "gzip;q=0": (get("/style.css", "Accept-Encoding: gzip;q=0, *") + MORE, [(200, b"plain"), A]),
        "range of a gzipped file": (
            get("/style.css", "Accept-Encoding: gzip", "Range: bytes=4-") + MORE,
            [(206, b"ped"), A],
        ),
        "two ranges of a gzipped file": (
            get("/style.css", "Accept-Encoding: gzip", "Range: bytes=0-0,4-") + MORE,
            [(200, b"gzipped"), A],
        ),
    },
    "The request line": {
        "blank lines before a request": (b"\r\n\r\n" + get() + b"\r\n" + MORE, [PAGE, A]),
        "space before the method": (b" " + get() + MORE, [400]),
        "two spaces behind the method": (line("GET  / HTTP/1.1") + MORE, [400]),
        "two spaces behind the target": (line("GET /  HTTP/1.1") + MORE, [400]),
        "tab for a space": (line("GET\t/ HTTP/1.1") + MORE, [400]),
        "space behind the version": (line("GET / HTTP/1.1 ") + MORE, [400]),
        "no target": (line("GET HTTP/1.1") + MORE, [400]),
        "later minor version": (get(version="1.2") + MORE, [PAGE, A]),
        "HTTP/2.0": (get(version="2.0") + MORE, [505]),
        "preface of HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", [505]),
        "HTTP/0.9": (b"GET /\r\n\r\n", [505]),
        "version without a dot": (get(version="11") + MORE, [400]),
        "version of two digits": (get(version="1.10") + MORE, [400]),
        "version in lower case": (line("GET / http/1.1") + MORE, [400]),
        "another protocol": (line("GET / RTSP/1.0") + MORE, [400]),
        "not HTTP": (b"\x16\x03\x01\x02\x00\x01\x00" + MORE, [400]),
        "bare LF": (b"GET / HTTP/1.1\nHost: x\n\n" + MORE, [400]),
        "bare CR before a request": (b"\r" + get() + MORE, [400]),
        "bare LF before a request": (b"\n" + get() + MORE, [400]),
    },
    "Connections": {
        "HTTP/1.0": (get(version="1.0") + MORE, [PAGE]),
        "HTTP/1.0 without Host": (b"GET / HTTP/1.0\r\n\r\n", [PAGE]),
        "HTTP/1.0 keep-alive": (get("/", "Connection: keep-alive", version="1.0") + MORE, [PAGE, A]),
        "HTTP/1.0 keep-alive, then close": (get("/", "Connection: keep-alive, close", version="1.0") + MORE, [PAGE]),
        "HTTP/1.0, body up to the end": (get("/pieces", version="1.0"), [(200, b"abc")]),
        "close": (get("/", "Connection: close") + MORE, [PAGE]),
        "close among others": (get("/", "Connection: x, CLOSE") + MORE, [PAGE]),
        "close in a second field": (get("/", "Connection: keep-alive", "Connection: close") + MORE, [PAGE]),
        "twenty pipelined requests": (get("/a.txt") * 20 + MORE, [A] * 21),
        "second request is bad": (get() + b"nonsense\r\n\r\n", [PAGE, 400]),
        "Upgrade is ignored": (get("/", "Connection: Upgrade", "Upgrade: h2c") + MORE, [PAGE, A]),
        "Upgrade with a body": (
            post(f"Connection: Upgrade\nUpgrade: h2c\nContent-Length: {len(get())}", get()) + MORE,
            [(200, get()), A],
        ),
        "Upgrade with chunks": (
            chunked(b"5\r\nhello\r\n0\r\n\r\n", "Connection: Upgrade", "Upgrade: h2c") + MORE,
            [HELLO, A],
        ),
        "head cut short": (get()[:-2], [400]),
        "body cut short": (post("Content-Length: 5", b"hell"), [400]),
        "chunk cut short": (chunked(b"5\r\nhell"), [400]),
        "chunks without the last": (chunked(b"5\r\nhello\r\n"), [400]),
        "nothing": (b"", []),
        "blank lines only": (b"\r\n\r\n", []),
    },
    "Header fields": {
        "empty Host": (b"GET / HTTP/1.1\r\nHost:\r\n\r\n" + MORE, [PAGE, A]),
        "Host with a port": (b"GET / HTTP/1.1\r\nHost: [fd00::2]:80 \t\r\n\r\n" + MORE, [PAGE, A]),
        "no Host": (b"GET / HTTP/1.1\r\n\r\n" + MORE, [400]),
        "two Hosts": (get("/", "Host: y") + MORE, [400]),
        "bad Host": (b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n" + MORE, [400]),
        "Host with a user": (b"GET / HTTP/1.1\r\nHost: me@x\r\n\r\n" + MORE, [400]),
        "bytes above ASCII in a value": (get("/", "A: é") + MORE, [PAGE, A]),
        "bare LF behind a field": (get("/", "A: b\nB: c") + MORE, [400]),
        "bare CR": (get("/", "A: b\rc") + MORE, [400]),
        "NUL in a field": (get("/", "A: b\0c") + MORE, [400]),
        "DEL in a field": (get("/", "A: b\x7fc") + MORE, [400]),
        "obs-fold": (get("/", "A: b", " c") + MORE, [400]),
        "first field folded": (b"GET / HTTP/1.1\r\n Host: x\r\n\r\n" + MORE, [400]),
        "space before the colon": (get("/", "A : b") + MORE, [400]),
        "field without a name": (get("/", ": b") + MORE, [400]),
        "field without a colon": (get("/", "A") + MORE, [400]),
        "field name that is no token": (get("/", "A(: b") + MORE, [400]),
    },
    "Content-Length": {
        "body": (post("Content-Length: 5", b"hello") + MORE, [HELLO, A]),
        "empty body": (post("Content-Length: 0") + MORE, [(200, b""), A]),
        "leading zeros": (post("Content-Length: 005", b"hello") + MORE, [HELLO, A]),
        "white space around it": (post("Content-Length: \t5 \t", b"hello") + MORE, [HELLO, A]),
        "body that nobody asked for": (post("Content-Length: 5", b"hello", "/") + MORE, [405, A]),
        "body of a GET": (get("/", "Content-Length: 5") + b"hello" + MORE, [PAGE, A]),
        "body that looks like a request": (
            post(f"Content-Length: {len(get())}", get()) + MORE,
            [(200, get()), A],
        ),
        "two of them": (post("Content-Length: 5\nContent-Length: 5", b"hello") + MORE, [400]),
        "two that differ": (post("Content-Length: 5\nContent-Length: 6", b"hello") + MORE, [400]),
        "list": (post("Content-Length: 5, 5", b"hello") + MORE, [400]),
        "sign": (post("Content-Length: +5", b"hello") + MORE, [400]),
        "negative": (post("Content-Length: -5", b"hello") + MORE, [400]),
        "hexadecimal": (post("Content-Length: 0x5", b"hello") + MORE, [400]),
        "with an underscore": (post("Content-Length: 0_5", b"hello") + MORE, [400]),
        "two numbers": (post("Content-Length: 5 5", b"hello") + MORE, [400]),
        "no number": (post("Content-Length:", b"hello") + MORE, [400]),
        "beyond 64 bits": (post("Content-Length: " + "9" * 30) + MORE, [400]),
        "thousands of zeros": (post("Content-Length: " + "0" * 5_000) + MORE, [400]),
    },
    "Transfer-Encoding": {
        "chunks": (chunked(b"5\r\nhello\r\n0\r\n\r\n") + MORE, [HELLO, A]),
        "no chunk but the last": (chunked(b"0\r\n\r\n") + MORE, [(200, b""), A]),
        "in other letters": (post("transfer-ENCODING: Chunked", b"5\r\nhello\r\n000\r\n\r\n") + MORE, [HELLO, A]),
        "chunk extensions": (chunked(b'1;a\r\nh\r\n4;b=c;d="e;\\""\r\nello\r\n0;z\r\n\r\n') + MORE, [HELLO, A]),
        "trailers": (
            chunked(b"5\r\nhello\r\n0\r\nSum: 1\r\nHost: y\r\n\r\n") + MORE,
            [(200, b"hello|sum=1|host=y"), A],
        ),
        "chunks that nobody asked for": (
            get("/", "Transfer-Encoding: chunked") + b"5\r\nhello\r\n0\r\nT: v\r\n\r\n" + MORE,
            [PAGE, A],
        ),
        "chunks that look like a request": (
            chunked(b"%x\r\n%s\r\n0\r\n\r\n" % (len(MORE), MORE)) + MORE,
            [(200, MORE), A],
        ),
        "Content-Length before it": (post("Content-Length: 5\nTransfer-Encoding: chunked", b"0\r\n\r\n") + MORE, [400]),
        "Content-Length behind it": (post("Transfer-Encoding: chunked\nContent-Length: 5", b"0\r\n\r\n") + MORE, [400]),
        "in HTTP/1.0": (get("/", "Transfer-Encoding: chunked", version="1.0") + b"0\r\n\r\n", [400]),
        "gzip alone": (post("Transfer-Encoding: gzip") + MORE, [400]),
        "gzip, chunked": (post("Transfer-Encoding: gzip, chunked", b"0\r\n\r\n") + MORE, [501]),
        "chunked, gzip": (post("Transfer-Encoding: chunked, gzip", b"0\r\n\r\n") + MORE, [400]),
        "chunked, chunked": (post("Transfer-Encoding: chunked, chunked", b"0\r\n\r\n") + MORE, [400]),
        "chunked and identity": (
            post("Transfer-Encoding: chunked\nTransfer-Encoding: identity", b"0\r\n\r\n") + MORE,
            [400],
        ),
        "identity and chunked": (
            post("Transfer-Encoding: identity\nTransfer-Encoding: chunked", b"0\r\n\r\n") + MORE,
            [501],
        ),
        "an empty member": (post("Transfer-Encoding: , chunked", b"0\r\n\r\n") + MORE, [400]),
        "no value": (post("Transfer-Encoding:", b"0\r\n\r\n") + MORE, [400]),
        "vertical tab before it": (post("Transfer-Encoding: \x0bchunked", b"0\r\n\r\n") + MORE, [400]),
        "xchunked": (post("Transfer-Encoding: xchunked", b"0\r\n\r\n") + MORE, [400]),
        "quoted": (post('Transfer-Encoding: "chunked"', b"0\r\n\r\n") + MORE, [400]),
        "with a parameter": (post("Transfer-Encoding: chunked;q=1", b"0\r\n\r\n") + MORE, [400]),
        "space before its colon": (post("Transfer-Encoding : chunked", b"0\r\n\r\n") + MORE, [400]),
        "in a folded line": (post("Transfer-Encoding:\n chunked", b"0\r\n\r\n") + MORE, [400]),
    },
    "Chunk sizes": {
        "chunk size with 0x": (chunked(b"0x5\r\nhello\r\n0\r\n\r\n") + MORE, [400]),
        "chunk size with a plus": (chunked(b"+5\r\nhello\r\n0\r\n\r\n") + MORE, [400]),
        "chunk size with a minus": (chunked(b"-5\r\nhello\r\n0\r\n\r\n") + MORE, [400]),
        "chunk size with an underscore": (chunked(b"0_5\r\nhello\r\n0\r\n\r\n") + MORE, [400]),
        "space before a chunk size": (chunked(b" 5\r\nhello\r\n0\r\n\r\n") + MORE, [400]),
        "space behind a chunk size": (chunked(b"5 \r\nhello\r\n0\r\n\r\n") + MORE, [400]),
        "no chunk size": (chunked(b"\r\nhello\r\n0\r\n\r\n") + MORE, [400]),
        "chunk size beyond 64 bits": (chunked(b"10000000000000005\r\nhello\r\n0\r\n\r\n") + MORE, [400]),
        "bare LF behind a chunk size": (chunked(b"5\nhello\r\n0\r\n\r\n") + MORE, [400]),
        "bare LF in a chunk extension": (chunked(b"5;a\nb\r\nhello\r\n0\r\n\r\n") + MORE, [400]),
        "bare LF behind a chunk": (chunked(b"5\r\nhello\n0\r\n\r\n") + MORE, [400]),
        "control byte in a chunk extension": (chunked(b"5;\x01\r\nhello\r\n0\r\n\r\n") + MORE, [400]),
        "chunk longer than said": (chunked(b"5\r\nhello!\r\n0\r\n\r\n") + MORE, [400]),
        "chunk shorter than said": (chunked(b"6\r\nhello\r\n0\r\n\r\n") + MORE, [400]),
        "bad chunk that nobody asked for": (
            get("/", "Transfer-Encoding: chunked") + b"0x1\r\n!\r\n0\r\n\r\n" + MORE,
            [400],
        ),
        "folded trailer": (chunked(b"0\r\nA: b\r\n c\r\n\r\n") + MORE, [400]),
        "bare LF behind the trailers": (chunked(b"0\r\nA: b\r\n\n") + MORE, [400]),
        "Content-Length as a trailer": (chunked(b"0\r\nContent-Length: 5\r\n\r\n") + MORE, [400]),
        "Transfer-Encoding as a trailer": (chunked(b"0\r\nTransfer-Encoding: chunked\r\n\r\n") + MORE, [400]),
    },
    "Expect and TE": {
        "Expect: 100-continue": (post(EXPECT, b"hello") + MORE, [100, HELLO, A]),
        "Expect in other letters": (post("expect: 100-CONTINUE\nContent-Length: 5", b"hello") + MORE, [100, HELLO, A]),
        "Expect before chunks": (
            chunked(b"5\r\nhello\r\n0\r\n\r\n", "Expect: 100-continue") + MORE,
            [100, HELLO, A],
        ),
        "Expect, and nobody asks for the body": (post(EXPECT, b"hello", "/") + MORE, [405]),
        "Expect without a body": (get("/", "Expect: 100-continue") + MORE, [PAGE, A]),
        "Expect in HTTP/1.0": (
            b"POST /echo HTTP/1.0\r\nConnection: keep-alive\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello"
            + MORE,
            [HELLO, A],
        ),
        "Expect before too large a body": (post("Expect: 100-continue\nContent-Length: 100001"), [413]),
        "response in chunks": (get("/pieces") + MORE, [(200, b"abc"), A]),
        "response with a trailer": (get("/pieces", "TE: trailers", "Connection: TE") + MORE, [(200, b"abc|sum=3"), A]),
        "HEAD of a response in chunks": (get("/pieces", method="HEAD") + MORE, [(200, b""), A]),
    },
    "Limits": {
        "longest target": (get("/" + "a" * 8_191) + MORE, [404, A]),
        "long target": (get("/" + "a" * 8_192) + MORE, [414]),
        "endless target": (b"GET /" + b"a" * 20_000, [414]),
        "large field": (get("/", "A: " + "b" * 65_536) + MORE, [431]),
        "endless field name": (b"GET / HTTP/1.1\r\n" + b"a" * 70_000, [431]),
        "100 fields": (get("/", *["A: b"] * 99) + MORE, [PAGE, A]),
        "101 fields": (get("/", *["A: b"] * 100) + MORE, [431]),
        "101 trailers": (chunked(b"0\r\n" + b"A: b\r\n" * 101 + b"\r\n") + MORE, [400]),
        "large trailer": (chunked(b"0\r\nA: " + b"b" * 65_536 + b"\r\n\r\n") + MORE, [400]),
        "long chunk extension": (chunked(b"5;" + b"a" * 5_000 + b"\r\nhello\r\n0\r\n\r\n") + MORE, [400]),
        "largest body": (post("Content-Length: 100000", bytes(100_000)) + MORE, [(200, bytes(100_000)), A]),
        "body too large, and read out": (post("Content-Length: 100001", bytes(100_001)) + MORE, [413, A]),
        "body too large, and cut short": (post("Content-Length: 100001", bytes(10)), [413]),
        "chunks too large, and cut short": (chunked(b"186a1\r\n" + bytes(100_001) + b"\r\n5\r\nab"), [413]),
        "body far too large": (post("Content-Length: 300000", bytes(300_000)) + MORE, [413]),
        "chunks too large": (chunked(b"186a1\r\n" + bytes(100_001) + b"\r\n0\r\n\r\n") + MORE, [413]),
    },
}
CASES: dict[str, Case] = {name: case for section in SECTIONS.values() for name, case in section.items()}
