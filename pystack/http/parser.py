"""Bytes of a client to requests, one event at a time.

llhttp (through httptools) is the judge of syntax. It cannot pause, so it is fed slices that end where a head, a line
or a run of body bytes ends: it never sees a byte beyond what the caller asked for, and what came ahead stays bytes.
Both know the framing then; where they disagree the request is refused.

Lines end in CRLF. A bare LF, which RFC 9112 section 2.2 would allow us to take, is refused, and so are a bare CR, a
folded line and white space around a field's name or a chunk's size: readers on the way may see other requests in them.
"""

import re
from collections.abc import Callable, Generator
from http import HTTPStatus

import httptools

from pystack.http.config import HttpConfig
from pystack.http.request import End, Headers, Request, RequestFailed, bad, build

Event = Request | bytes | End
"""A head; some bytes of its body without transfer coding, never empty; its end."""

_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]"
_REQUEST_LINE = re.compile(rb"(%s+) ([\x21-\x7e]+) HTTP/(\d)\.(\d)\r\n" % _TOKEN)
_REQUEST_LINE_OF_0_9 = re.compile(rb"GET /[\x21-\x7e]*\r\n")
_METHOD_SO_FAR = re.compile(rb"\r?|%s+(?: .*)?" % _TOKEN, re.DOTALL)
_END_OF_FIELDS = re.compile(rb"\A\r\n|\r\n\r\n")
_BARE_LF = re.compile(rb"(?<!\r)\n")
_MAX_METHOD = 64

_MAX_CHUNK_LINE = 4_096

_Refusal = Callable[[], RequestFailed]


class RequestParser:
    """What one client sends, as events. Holds what was fed and not asked for yet, and no more."""

    def __init__(self, config: HttpConfig) -> None:
        self.between_requests = True
        """No byte of the next request has arrived, blank lines before it aside."""
        self._config = config
        self._buffer = bytearray()
        self._ended = False
        self._heard = _Heard()
        self._llhttp = self._new_llhttp()
        self._events = self._parse()

    @property
    def buffered(self) -> int:
        """Bytes that were fed, and that no event tells of yet."""
        return len(self._buffer)

    def feed(self, data: bytes | bytearray) -> None:
        """Takes the next bytes from the client, in any split."""
        self._buffer += data

    def feed_eof(self) -> None:
        """The client sends no more."""
        self._ended = True

    def next_event(self) -> Event | None:
        """The next event, or None while there are too few bytes for one.

        Raises `RequestFailed` for anything that is no request we serve, a half one at the end included (RFC 9112
        section 8). After that there are no more events.
        """
        try:
            event = next(self._events, None)
            if event is None and self._ended and not self.between_requests:
                raise bad("the request ended early")
        except RequestFailed:
            self._events.close()
            self.between_requests = True  # nothing is under way any more
            raise
        return event

    def _parse(self) -> Generator[Event | None, None, None]:
        while True:
            request = yield from self._head()
            yield request
            if request.length is None:
                yield from self._chunks()
                trailers = yield from self._fields("the trailer section", HTTPStatus.BAD_REQUEST)
            else:
                trailers = ()
                yield from self._body(request.length)
            if not self._heard.complete:
                raise bad("the framing of the request is ambiguous")
            self.between_requests = True
            yield End(trailers)

    # The head

    def _head(self) -> Generator[None, None, Request]:
        method, target, version = yield from self._request_line()
        headers = yield from self._fields("the request head", HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        request = build(method, target, version, headers)
        if self._heard.upgrade:
            self._forget_upgrade(request)
        return request

    def _request_line(self) -> Generator[None, None, tuple[bytes, bytes, str]]:
        config = self._config
        blank = 0
        limit = config.max_target_size + _MAX_METHOD + len(b"  HTTP/1.1\r\n")
        while (line := (yield from self._line(limit, self._line_too_long, self._begin))) == b"\r\n":
            blank += len(line)
            if blank > config.max_head_size:
                raise bad("there are too many empty lines")
        self.between_requests = False
        match = _REQUEST_LINE.fullmatch(line)
        if match is None:
            raise _not_spoken("0.9") if _REQUEST_LINE_OF_0_9.fullmatch(line) else bad("the request line is malformed")
        method, target, major, minor = match.groups()
        if len(target) > config.max_target_size:
            raise _target_too_long()
        if major != b"1":
            raise _not_spoken(f"{major.decode()}.{minor.decode()}")
        self._heard.begin()
        try:
            self._llhttp.feed_data(line)
        except httptools.HttpParserInvalidURLError as error:
            raise bad(str(error)) from None
        except httptools.HttpParserError:
            # The shape of the line was right, and so was its target: what is left is a method that llhttp lacks.
            raise _unknown_method() from None
        return method, target, f"1.{minor.decode()}"

    def _begin(self) -> None:
        """Looks at the begin of a line that is not there yet: whoever speaks TLS to us need not wait for a time-out."""
        if self._buffer and self._buffer != b"\r":
            self.between_requests = False
        if not _METHOD_SO_FAR.fullmatch(self._buffer[: _MAX_METHOD + 1]):
            raise bad("the request line is malformed")

    def _line_too_long(self) -> RequestFailed:
        return _target_too_long() if b" " in self._buffer[: _MAX_METHOD + 1] else _unknown_method()

    def _forget_upgrade(self, request: Request) -> None:
        """Ignores Upgrade, as RFC 9110 section 7.8 allows. llhttp takes what follows for another protocol, so that a
        fresh one is told of the same framing."""
        self._llhttp = self._new_llhttp()
        framing = b"Transfer-Encoding: chunked" if request.length is None else b"Content-Length: %d" % request.length
        self._heard.begin()
        self._llhttp.feed_data(b"POST / HTTP/1.1\r\n%s\r\n\r\n" % framing)

    # Lines

    def _line(
        self, limit: int, too_long: _Refusal, on_wait: Callable[[], None] = lambda: None
    ) -> Generator[None, None, bytes]:
        """The next line with its LF, of at most `limit` bytes."""
        scanned = 0
        while (at := self._buffer.find(b"\n", scanned)) < 0:
            scanned = len(self._buffer)
            if scanned > limit:
                raise too_long()
            on_wait()
            yield
        if at >= limit:
            raise too_long()
        line = bytes(self._buffer[: at + 1])
        del self._buffer[: at + 1]
        return line

    def _fields(self, where: str, status: HTTPStatus) -> Generator[None, None, Headers]:
        """Header or trailer fields, up to the empty line behind them; `status` is for those beyond the limits."""
        limit = self._config.max_head_size
        scanned = 0
        while True:
            end = _end_of_fields(self._buffer, scanned)
            # llhttp says so too, but a client that ends its lines so never sends the end that it would be asked at.
            if _BARE_LF.search(self._buffer, scanned, end if end >= 0 else len(self._buffer)):
                raise bad("a line of the request ends without CR")
            if end >= 0 or len(self._buffer) > limit:
                break
            scanned = max(0, len(self._buffer) - len(b"\r\n\r"))
            yield
        if not 0 <= end <= limit:
            raise RequestFailed(status, f"{where} is too large")
        self._heard.fields.clear()
        self._judge_buffered(end)
        if len(self._heard.fields) > self._config.max_fields:
            raise RequestFailed(status, f"there are too many fields in {where}")
        return tuple(self._heard.fields)

    # Bodies

    def _body(self, length: int) -> Generator[bytes | None, None, None]:
        """`length` bytes as they come."""
        while length:
            size = min(length, len(self._buffer))
            if not size:
                yield None
                continue
            self._judge_buffered(size)
            length -= size
            yield from self._heard.take_body()

    def _chunks(self) -> Generator[bytes | None, None, None]:
        """RFC 9112 section 7.1, up to the last chunk. Extensions are read and ignored, within reason."""
        size = -1
        while size != 0:
            line = yield from self._line(_MAX_CHUNK_LINE, lambda: bad("the chunk extension is too large"))
            self._judge(line)
            size = int(line.partition(b";")[0], 16)  # llhttp has seen hexadecimal digits and nothing else
            if size:
                yield from self._body(size + len(b"\r\n"))

    # llhttp

    def _judge(self, data: bytes | memoryview) -> None:
        try:
            self._llhttp.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._heard.upgrade = True
        except httptools.HttpParserError as error:
            raise bad(str(error)) from None

    def _judge_buffered(self, size: int) -> None:
        with memoryview(self._buffer) as view, view[:size] as part:
            self._judge(part)
        del self._buffer[:size]

    def _new_llhttp(self) -> "httptools.HttpRequestParser":
        llhttp = httptools.HttpRequestParser(self._heard)
        # Any version passes llhttp, so that a later 1.x is read as 1.1 (RFC 9110 section 2.5).
        llhttp.set_dangerous_leniencies(lenient_version=True)
        return llhttp


class _Heard:
    """What llhttp tells, by the names that httptools calls."""

    def __init__(self) -> None:
        self.fields: list[tuple[bytes, bytes]] = []
        self.upgrade = False
        self.complete = False
        self._body: list[bytes] = []

    def begin(self) -> None:
        """Another request."""
        self.fields.clear()
        self.upgrade = self.complete = False

    def take_body(self) -> list[bytes]:
        """What was heard of the body since the last time."""
        body, self._body = self._body, []
        return body

    def on_header(self, name: bytes, value: bytes) -> None:
        self.fields.append((name.lower(), value.strip(b" \t")))

    def on_body(self, data: bytes) -> None:
        self._body.append(data)

    def on_message_complete(self) -> None:
        self.complete = True


def _end_of_fields(buffer: bytearray, start: int) -> int:
    match = _END_OF_FIELDS.search(buffer, start)
    return match.end() if match else -1


def _target_too_long() -> RequestFailed:
    return RequestFailed(HTTPStatus.REQUEST_URI_TOO_LONG, "the request target is too long")


def _not_spoken(version: str) -> RequestFailed:
    return RequestFailed(HTTPStatus.HTTP_VERSION_NOT_SUPPORTED, f"HTTP/{version} is not spoken here")


def _unknown_method() -> RequestFailed:
    return RequestFailed(HTTPStatus.NOT_IMPLEMENTED, "the method is unknown")
