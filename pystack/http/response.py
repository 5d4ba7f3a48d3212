"""What a handler answers, and how an answer is framed on the wire (RFC 9112 section 6)."""

import re
from collections.abc import AsyncIterator, Awaitable
from dataclasses import dataclass
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from typing import Protocol

from pystack.http.config import HttpConfig
from pystack.http.request import Headers, Request

_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(rb"[^\x00-\x08\x0a-\x1f\x7f]*")
_FRAMING_FIELDS = {b"content-length", b"transfer-encoding"}
_ALLOW = (b"Allow", b"GET, HEAD, OPTIONS")
_BODILESS = (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED)


class ByteStream(Protocol):
    """A body in pieces: an asynchronous generator of `bytes`, or anything alike.

    The server calls `aclose` once it needs no more, also where it never asked for a piece.
    """

    def __aiter__(self) -> AsyncIterator[bytes]: ...

    def aclose(self) -> Awaitable[None]: ...


@dataclass(frozen=True, slots=True)
class Response:
    """One answer.

    `body` is all of it, or a `ByteStream` of exactly `length` bytes. A stream of unknown length (None) goes out in
    chunks, and to an HTTP/1.0 client up to the end of the connection. The server leaves the body out for HEAD and
    for those statuses that have none, and adds Date, Server, Connection and the framing fields. A `Connection: close`
    among `headers` ends the connection after this answer.

    Raises `ValueError` for a status outside 200 to 599, for header fields that cannot travel (so that no line break can
    be smuggled in), for framing fields, and for a `length` that contradicts the body.
    """

    status: int
    headers: Headers = ()
    body: bytes | ByteStream = b""
    length: int | None = None

    def __post_init__(self) -> None:
        check_head(self.status, self.headers, self.length)
        if isinstance(self.body, bytes) and self.length not in (None, len(self.body)):
            raise ValueError(f"a body of {len(self.body)} bytes is not {self.length} bytes long")


def check_head(status: int, headers: Headers, length: int | None) -> None:
    """Raises `ValueError` for what `Response` refuses."""
    if not 200 <= status <= 599:
        raise ValueError(f"not the status of a final response: {status}")
    check_fields(headers)
    if length is not None and length < 0:
        raise ValueError(f"a length is not negative: {length}")


def check_fields(fields: Headers) -> None:
    """Raises `ValueError` for fields that cannot travel, in a head or as trailers."""
    for name, value in fields:
        if not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
            raise ValueError(f"not a header field: {name!r}: {value!r}")
        if name.lower() in _FRAMING_FIELDS:
            raise ValueError(f"{name.decode()} belongs to the server; say `length` instead")


def plain(status: int, detail: str = "", headers: Headers = ()) -> Response:
    """A response of one or two lines of text: the status with its phrase, and `detail` unless it is empty."""
    body = f"{status} {reason(status)}\n" + (f"{detail}\n" if detail else "")
    return Response(status, ((b"Content-Type", b"text/plain; charset=utf-8"), *headers), body.encode())


def unless_read(request: Request) -> Response | None:
    """What a resource that can only be read answers to other requests than to read it: 204 to OPTIONS (RFC 9110 section
    9.3.7; `OPTIONS *` too), else 405. None for GET and HEAD."""
    if request.method in (b"GET", b"HEAD"):
        return None
    if request.method == b"OPTIONS":
        return Response(HTTPStatus.NO_CONTENT, (_ALLOW,))
    return plain(HTTPStatus.METHOD_NOT_ALLOWED, headers=(_ALLOW,))


def reason(status: int) -> str:
    """The reason phrase of `status`, empty for a number without a name."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


@lru_cache(maxsize=64)
def http_date(seconds: int) -> bytes:
    """Seconds since 1970 as an HTTP date (RFC 9110 section 5.6.7)."""
    return formatdate(seconds, usegmt=True).encode()


@dataclass(frozen=True, slots=True)
class Framing:
    """How one response travels."""

    head: bytes
    has_body: bool
    length: int | None
    chunked: bool
    trailers: bool
    """Trailers may follow: there is room for them, and the client said `TE: trailers` (RFC 9110 section 6.5.1)."""
    close: bool

    @property
    def ends_with_connection(self) -> bool:
        """Nothing but the end of the connection tells where the body ends (RFC 9112 section 6.3)."""
        return self.has_body and self.length is None and not self.chunked


def frame(
    status: int, headers: Headers, length: int | None, *, request: Request | None, close: bool, config: HttpConfig
) -> Framing:
    """The head of a response to `request` (None: to none that was understood), and how its body goes.

    `length` is that of the body, None if it is not known. `close` says that the connection ends after it; the result
    may say so where `close` did not.
    """
    method, version = (request.method, request.version) if request else (b"", "1.1")
    has_body = method != b"HEAD" and status not in _BODILESS
    fields = [field for field in headers if field[0].lower() != b"connection"]
    names = {name.lower() for name, _ in fields}
    if b"date" not in names:
        fields.append((b"Date", http_date(int(config.wall_clock()))))
    if config.server_name and b"server" not in names:
        fields.append((b"Server", config.server_name.encode()))
    close = close or any(
        token.strip().lower() == b"close"
        for name, value in headers
        if name.lower() == b"connection"
        for token in value.split(b",")
    )
    chunked = has_body and length is None and version != "1.0"
    if chunked:
        fields.append((b"Transfer-Encoding", b"chunked"))
    elif length is not None and status not in _BODILESS:
        # RFC 9110 section 8.6: no Content-Length with 204, and with 304 only that of the 200 it stands for.
        fields.append((b"Content-Length", b"%d" % length))
    close = close or (has_body and length is None and not chunked)
    if close:
        fields.append((b"Connection", b"close"))
    elif version == "1.0":
        fields.append((b"Connection", b"keep-alive"))
    lines = [f"HTTP/1.1 {status} {reason(status)}".encode()]
    lines += [b"%s: %s" % field for field in fields]
    return Framing(
        head=b"\r\n".join(lines) + b"\r\n\r\n",
        has_body=has_body,
        length=length,
        chunked=chunked,
        trailers=chunked and request is not None and request.takes_trailers,
        close=close,
    )
