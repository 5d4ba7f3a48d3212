"""One request as plain values, and the rules for its head that go beyond syntax (RFC 9110 and 9112)."""

import re
from dataclasses import dataclass
from http import HTTPStatus

Headers = tuple[tuple[bytes, bytes], ...]

# RFC 3986 section 3.2: host [ ":" port ], with no user part. An empty value is legal (RFC 9112 section 3.2).
_HOST = re.compile(rb"(?:[\w.~!$&'()*+,;=%-]*|\[[0-9A-Fa-f:.]+\])(?::\d*)?", re.ASCII)
_ABSOLUTE = re.compile(rb"https?://([^/?]*)(.*)", re.IGNORECASE)
_LENGTH = re.compile(rb"\d{1,19}")


@dataclass(frozen=True, slots=True)
class Request:
    """The head of one request (RFC 9112 section 3). Everything is as it came but for what is said below."""

    method: bytes
    target: bytes
    path: bytes
    """The target before its "?", still percent-encoded; of the absolute form only what follows the authority."""
    query: bytes
    authority: bytes
    """Host and port that were asked for: of the absolute form, which goes before the Host field (RFC 9112 section
    3.2.2), else of Host; empty where an HTTP/1.0 client names none."""
    version: str
    """"1.0", "1.1" or a later "1.x"."""
    headers: Headers
    """In order of arrival, names in lower case, values without white space around them."""
    length: int | None
    """Bytes of the body; None where it comes in chunks, and nobody knows."""
    keep_alive: bool
    """The client allows another request on the same connection (RFC 9112 section 9.3)."""
    expect_continue: bool
    """The client waits for an answer before it sends its body (RFC 9110 section 10.1.1)."""

    def header(self, name: bytes) -> bytes | None:
        """The first value of the field called `name` (lower case), or None."""
        return next((value for key, value in self.headers if key == name), None)

    def combined(self, name: bytes) -> bytes | None:
        """All values of the field called `name` (lower case) as one, with commas in between (RFC 9110 section 5.3);
        None where it is not there."""
        values = [value for key, value in self.headers if key == name]
        return b", ".join(values) if values else None

    @property
    def takes_trailers(self) -> bool:
        """Trailers behind a response would reach the client: it asks for them, and its version has chunks (RFC 9110
        section 6.5.1)."""
        return self.version != "1.0" and self.lists(b"te", b"trailers")

    def lists(self, name: bytes, member: bytes) -> bool:
        """Whether the comma-separated field `name` has this member, both in lower case."""
        return member in _members(self.headers, name)


@dataclass(frozen=True, slots=True)
class End:
    """The end of a request. `trailers` came behind a chunked body; they are no part of the head and may be lies."""

    trailers: Headers = ()


class RequestFailed(Exception):
    """The client sent no request that we serve, or not in time. Framing is lost: nothing of it can be read any more."""

    def __init__(self, status: HTTPStatus, detail: str) -> None:
        super().__init__(f"{status.value} {detail}")
        self.status = status
        self.detail = detail


def bad(detail: str) -> RequestFailed:
    """A 400."""
    return RequestFailed(HTTPStatus.BAD_REQUEST, detail)


def build(method: bytes, target: bytes, version: str, headers: Headers) -> Request:
    """The request of a head whose syntax is right. Raises `RequestFailed` for what the RFCs refuse all the same."""
    if method == b"CONNECT":
        raise RequestFailed(HTTPStatus.NOT_IMPLEMENTED, "this server is no proxy")
    host = _host(headers, version)
    length = _length(headers, version)
    if method == b"TRACE" and length != 0:
        raise bad("a TRACE request has no body")
    authority, path, query = _split_target(method, target)
    connection = _members(headers, b"connection")
    return Request(
        method=method,
        target=target,
        path=path,
        query=query,
        authority=host if authority is None else authority,
        version=version,
        headers=headers,
        length=length,
        keep_alive=b"close" not in connection and (version != "1.0" or b"keep-alive" in connection),
        expect_continue=version != "1.0" and length != 0 and b"100-continue" in _members(headers, b"expect"),
    )


def _members(headers: Headers, name: bytes) -> list[bytes]:
    return [member.strip(b" \t") for key, value in headers if key == name for member in value.lower().split(b",")]


def _host(headers: Headers, version: str) -> bytes:
    """RFC 9112 section 3.2: exactly one valid Host field; HTTP/1.0 may do without."""
    hosts = [value for name, value in headers if name == b"host"]
    if len(hosts) > 1 or (not hosts and version != "1.0"):
        raise bad("a request needs exactly one Host header field")
    if hosts and not _HOST.fullmatch(hosts[0]):
        raise bad("the Host header field is invalid")
    return hosts[0] if hosts else b""


def _length(headers: Headers, version: str) -> int | None:
    """RFC 9112 sections 6.1 to 6.3. Where two readers could disagree about the end of a request, we do not guess."""
    lengths = [value for name, value in headers if name == b"content-length"]
    codings = _members(headers, b"transfer-encoding")
    if codings and lengths:
        raise bad("Content-Length beside Transfer-Encoding")
    if codings:
        _check_codings(codings, version)
        return None
    if len(lengths) > 1 or not all(map(_LENGTH.fullmatch, lengths)):
        raise bad("Content-Length is one number of at most 19 digits")
    return int(lengths[0]) if lengths else 0


def _check_codings(codings: list[bytes], version: str) -> None:
    if version == "1.0":
        raise bad("Transfer-Encoding has no meaning in HTTP/1.0")
    if codings[-1] != b"chunked":
        raise bad("the last transfer coding of a request must be chunked")
    if b"" in codings or codings.count(b"chunked") > 1:
        raise bad("Transfer-Encoding is malformed")
    if codings != [b"chunked"]:
        raise RequestFailed(HTTPStatus.NOT_IMPLEMENTED, "chunked is the only transfer coding spoken here")


def _split_target(method: bytes, target: bytes) -> tuple[bytes | None, bytes, bytes]:
    """Authority, path and query of a target in origin, absolute or asterisk form (RFC 9112 section 3.2)."""
    if b"#" in target:
        raise bad("a request target has no fragment")
    authority = None
    if absolute := _ABSOLUTE.fullmatch(target):
        authority, target = absolute[1], absolute[2]
        if not authority or not _HOST.fullmatch(authority):
            raise bad("the authority in the request target is invalid")
        if not target.startswith(b"/"):
            target = b"/" + target
    elif not target.startswith(b"/") and (target, method) != (b"*", b"OPTIONS"):
        raise bad("the request target has no form that this server knows")
    path, _, query = target.partition(b"?")
    return authority, path, query
