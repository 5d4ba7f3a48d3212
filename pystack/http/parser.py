"""Bytes of a client to requests: llhttp's callbacks turned into plain values.

llhttp (through httptools) is the only judge of syntax. What it leaves to its user is decided here: limits, the Host
field, versions, and the framing rules of RFC 9112 section 6 that go beyond syntax.

httptools cannot pause, so one `feed` may complete several pipelined requests. They queue up in `events` in the
client's order, and the caller feeds more only when the queue is empty: memory is bounded by one read.
"""

import re
from collections import deque
from dataclasses import dataclass
from http import HTTPStatus

import httptools

from pystack.http.config import HttpConfig

Headers = tuple[tuple[bytes, bytes], ...]

# RFC 3986 section 3.2: host [ ":" port ], with no user part. An empty value is legal (RFC 9112 section 3.2).
_HOST = re.compile(rb"(?:[\w.~!$&'()*+,;=%-]*|\[[0-9A-Fa-f:.]+\])(?::\d*)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Request:
    """The head of one request (RFC 9112 section 3). Everything is as it came but for what is said below."""

    method: bytes
    target: bytes
    path: bytes
    """The target before its "?", still percent-encoded; of the absolute form only what follows the authority."""
    query: bytes
    version: str
    """"1.0", "1.1" or a later "1.x"."""
    headers: Headers
    """In order of arrival, names in lower case, values without white space around them."""
    keep_alive: bool
    """The client allows another request on the same connection, and the framing of this one is beyond doubt."""
    has_body: bool
    expect_continue: bool
    """The client waits for an answer before it sends its body (RFC 9110 section 10.1.1)."""

    def header(self, name: bytes) -> bytes | None:
        """The first value of the field called `name` (lower case), or None."""
        return next((value for key, value in self.headers if key == name), None)


@dataclass(frozen=True, slots=True)
class Data:
    """Some bytes of a request's body, transfer coding removed."""

    data: bytes


@dataclass(frozen=True, slots=True)
class End:
    """The end of a request, its body and trailers included."""


@dataclass(frozen=True, slots=True)
class Failure:
    """What the client sent is no request that we serve. Nothing follows it: framing is lost."""

    status: HTTPStatus
    detail: str


Event = Request | Data | End | Failure


class _Refusal(Exception):
    """Raised inside a callback to stop llhttp; httptools shows it as the context of its own exception."""

    def __init__(self, status: HTTPStatus, detail: str) -> None:
        super().__init__(detail)
        self.failure = Failure(status, detail)


class RequestParser:
    """Turns what one client sends into `events`; never raises for anything that a client can send."""

    def __init__(self, config: HttpConfig) -> None:
        self.events: deque[Event] = deque()
        self.between_requests = True
        """No byte of the next request has arrived, blank lines before it aside."""
        self._config = config
        self._failed = False
        self._in_head = False
        self._target = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._head_size = 0
        # Bytes fed since llhttp last told us anything. It bounds what httptools collects unseen, such as one endless
        # header value, and what llhttp would skip for ever, such as blank lines.
        self._silent_size = 0
        self._callbacks = _Callbacks(self)
        self._llhttp = self._new_llhttp()

    def feed(self, data: bytes | bytearray) -> None:
        """Takes the next bytes from the client, in any split. Bytes after a `Failure` are ignored."""
        while data and not self._failed:
            self._silent_size += len(data)
            try:
                self._llhttp.feed_data(data)
            except httptools.HttpParserUpgrade as upgrade:
                # RFC 9110 section 7.8 lets a server ignore Upgrade. What follows is read as the next request.
                data = data[upgrade.args[0] :]
                self._llhttp = self._new_llhttp()
                continue
            except httptools.HttpParserError as error:
                refusal = error.__context__
                if isinstance(refusal, _Refusal):
                    self._fail(refusal.failure)
                else:
                    self._fail(Failure(HTTPStatus.BAD_REQUEST, str(error)))
                return
            if self._silent_size > self._config.max_head_size:
                self._fail(self._too_large().failure)
            return

    def feed_eof(self) -> None:
        """The client sends no more. Half a request is a bad one (RFC 9112 section 8)."""
        if not self.between_requests and not self._failed:
            self._fail(Failure(HTTPStatus.BAD_REQUEST, "the request ended early"))

    def _new_llhttp(self) -> "httptools.HttpRequestParser":
        llhttp = httptools.HttpRequestParser(self._callbacks)
        # Any version passes llhttp, so that one we do not speak is answered with 505 rather than 400.
        llhttp.set_dangerous_leniencies(lenient_version=True)
        return llhttp

    def _fail(self, failure: Failure) -> None:
        self._failed = True
        self.events.append(failure)

    def _too_large(self) -> _Refusal:
        if self._in_head or self.between_requests:
            return _Refusal(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "the request head is too large")
        return _Refusal(HTTPStatus.BAD_REQUEST, "chunk extensions or trailers are too large")

    # What the callbacks do

    def _begin(self) -> None:
        self.between_requests = False
        self._in_head = True
        self._target = b""
        self._headers.clear()
        self._head_size = 0

    def _add_target(self, part: bytes) -> None:
        self._target += part
        if len(self._target) > self._config.max_target_size:
            raise _Refusal(HTTPStatus.REQUEST_URI_TOO_LONG, "the request target is too long")
        self._grow_head(len(part))

    def _add_header(self, name: bytes, value: bytes) -> None:
        self._grow_head(len(name) + len(value) + len(b": \r\n"))
        if self._in_head:  # trailers are counted, and dropped
            self._headers.append((name.lower(), value.strip(b" \t")))

    def _grow_head(self, size: int) -> None:
        self._head_size += size
        if self._head_size > self._config.max_head_size:
            raise self._too_large()

    def _end_head(self) -> None:
        self._in_head = False
        version: str = self._llhttp.get_http_version()
        if not version.startswith("1."):
            raise _Refusal(HTTPStatus.HTTP_VERSION_NOT_SUPPORTED, f"HTTP/{version} is not spoken here")
        headers = tuple(self._headers)
        _check_host(headers, version)
        has_body = _has_body(headers, version)
        path, query = _split_target(self._target)
        self.events.append(
            Request(
                method=self._llhttp.get_method(),
                target=self._target,
                path=path,
                query=query,
                version=version,
                headers=headers,
                # llhttp takes a request with Upgrade for one without a body, so a body would be read as a request.
                keep_alive=self._llhttp.should_keep_alive() and not (self._llhttp.should_upgrade() and has_body),
                has_body=has_body,
                expect_continue=version != "1.0" and (b"expect", b"100-continue") in _lowered(headers),
            )
        )

    def _end_message(self) -> None:
        self.between_requests = True
        self.events.append(End())


class _Callbacks:
    """The names that httptools calls, kept off the parser's own face. Each call also says that llhttp got on."""

    def __init__(self, parser: RequestParser) -> None:
        self._parser = parser

    def on_message_begin(self) -> None:
        self._parser._silent_size = 0
        self._parser._begin()

    def on_url(self, part: bytes) -> None:
        self._parser._silent_size = 0
        self._parser._add_target(part)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._parser._silent_size = 0
        self._parser._add_header(name, value)

    def on_headers_complete(self) -> None:
        self._parser._end_head()

    def on_chunk_header(self) -> None:
        self._parser._silent_size = 0

    def on_body(self, data: bytes) -> None:
        self._parser._silent_size = 0
        self._parser.events.append(Data(data))

    def on_message_complete(self) -> None:
        self._parser._silent_size = 0
        self._parser._end_message()


def _lowered(headers: Headers) -> list[tuple[bytes, bytes]]:
    return [(name, value.lower()) for name, value in headers]


def _check_host(headers: Headers, version: str) -> None:
    """RFC 9112 section 3.2: exactly one valid Host field; HTTP/1.0 may do without."""
    hosts = [value for name, value in headers if name == b"host"]
    if len(hosts) > 1 or (not hosts and version != "1.0"):
        raise _Refusal(HTTPStatus.BAD_REQUEST, "a request needs exactly one Host header field")
    if hosts and not _HOST.fullmatch(hosts[0]):
        raise _Refusal(HTTPStatus.BAD_REQUEST, "the Host header field is invalid")


def _has_body(headers: Headers, version: str) -> bool:
    """RFC 9112 sections 6.1 to 6.3, as far as llhttp leaves them open: it already refused Content-Length beside
    Transfer-Encoding, and either of them twice."""
    fields = dict(headers)
    coding = fields.get(b"transfer-encoding")
    if coding is None:
        return int(fields.get(b"content-length", b"0")) > 0
    if version == "1.0":
        raise _Refusal(HTTPStatus.BAD_REQUEST, "Transfer-Encoding has no meaning in HTTP/1.0")
    codings = [part.strip(b" \t") for part in coding.lower().split(b",")]
    if codings[-1] != b"chunked":
        raise _Refusal(HTTPStatus.BAD_REQUEST, "the last transfer coding of a request must be chunked")
    if codings != [b"chunked"]:
        raise _Refusal(HTTPStatus.NOT_IMPLEMENTED, "chunked is the only transfer coding spoken here")
    return True


def _split_target(target: bytes) -> tuple[bytes, bytes]:
    """Path and query of a request target in any of the four forms of RFC 9112 section 3.2."""
    if b"#" in target:
        raise _Refusal(HTTPStatus.BAD_REQUEST, "a request target has no fragment")
    rest, _, query = target.partition(b"?")
    if not rest.startswith(b"/") and b"://" in rest:
        authority_and_path = rest.partition(b"://")[2]
        rest = b"/" + authority_and_path.partition(b"/")[2]
    return rest, query
