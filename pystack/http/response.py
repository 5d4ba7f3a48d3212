"""What a handler answers, and how an answer is framed on the wire (RFC 9112 section 6)."""

import re
from collections.abc import AsyncIterator, Awaitable
from dataclasses import dataclass
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from typing import Protocol

from pystack.http.parser import Headers

_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(rb"[^\x00-\x08\x0a-\x1f\x7f]*")
_FRAMING_FIELDS = {b"content-length", b"transfer-encoding"}


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
        if not 200 <= self.status <= 599:
            raise ValueError(f"not the status of a final response: {self.status}")
        for name, value in self.headers:
            if not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
                raise ValueError(f"not a header field: {name!r}: {value!r}")
            if name.lower() in _FRAMING_FIELDS:
                raise ValueError(f"{name.decode()} belongs to the server; say `length` instead")
        if self.length is not None and self.length < 0:
            raise ValueError(f"a length is not negative: {self.length}")
        if isinstance(self.body, bytes) and self.length not in (None, len(self.body)):
            raise ValueError(f"a body of {len(self.body)} bytes is not {self.length} bytes long")


def plain(status: int, detail: str = "", headers: Headers = ()) -> Response:
    """A response of one or two lines of text: the status with its phrase, and `detail` unless it is empty."""
    body = f"{status} {reason(status)}\n" + (f"{detail}\n" if detail else "")
    return Response(status, ((b"Content-Type", b"text/plain; charset=utf-8"), *headers), body.encode())


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
    close: bool


def frame(response: Response, *, method: bytes, version: str, close: bool, defaults: Headers) -> Framing:
    """The head of `response` to a request of that method and version, and how its body goes.

    `close` says that the connection ends after it; the result may say so where the request did not. `defaults` are
    fields that are added unless the response has its own.
    """
    fields = [field for field in response.headers if field[0].lower() != b"connection"]
    names = {name.lower() for name, _ in fields}
    fields += [field for field in defaults if field[0].lower() not in names]
    close = close or any(
        token.strip().lower() == b"close"
        for name, value in response.headers
        if name.lower() == b"connection"
        for token in value.split(b",")
    )
    length = len(response.body) if isinstance(response.body, bytes) else response.length
    chunked = False
    # RFC 9110 section 8.6: no Content-Length with 204, and with 304 only that of the 200 it stands for.
    if response.status not in (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED):
        if length is not None:
            fields.append((b"Content-Length", b"%d" % length))
        elif version != "1.0":
            chunked = True
            fields.append((b"Transfer-Encoding", b"chunked"))
        else:
            close = True
    if close:
        fields.append((b"Connection", b"close"))
    elif version == "1.0":
        fields.append((b"Connection", b"keep-alive"))
    lines = [f"HTTP/1.1 {response.status} {reason(response.status)}".encode()]
    lines += [b"%s: %s" % field for field in fields]
    return Framing(
        head=b"\r\n".join(lines) + b"\r\n\r\n",
        has_body=method != b"HEAD" and response.status not in (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED),
        length=length,
        chunked=chunked,
        close=close,
    )
