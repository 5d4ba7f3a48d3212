"""Conditional requests (RFC 9110 section 13): whether the client's copy will do, and whether its range still fits."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate
from http import HTTPStatus

from pystack.http.request import Request

_TAG = re.compile(rb'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"')
_TAGS = re.compile(rb"[ \t,]*(?:" + _TAG.pattern + rb"[ \t]*(?:,[ \t,]*|\Z))+")
_SAFE = (b"GET", b"HEAD")

_TIME = r"\d\d:\d\d:\d\d"
_DATE = re.compile(
    rf"[A-Z][a-z]{{2}}, \d\d [A-Z][a-z]{{2}} \d{{4}} {_TIME} GMT"  # IMF-fixdate
    rf"|[A-Z][a-z]{{5,8}}, \d\d-[A-Z][a-z]{{2}}-\d\d {_TIME} GMT"  # RFC 850
    rf"|[A-Z][a-z]{{2}} [A-Z][a-z]{{2}} [ \d]\d {_TIME} \d{{4}}",  # asctime
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Validators:
    """What tells one content of a resource from another. Dates are seconds since 1970."""

    etag: bytes
    """With its quotes, and its `W/` where it is weak."""
    last_modified: int
    now: int
    """The response's Date."""


def outcome(request: Request, validators: Validators) -> HTTPStatus | None:
    """What a request's preconditions come to, in the order of RFC 9110 section 13.2.2: 304, 412, or None to go on."""
    safe = request.method in _SAFE
    unmodified_since = http_time(request.combined(b"if-unmodified-since"))
    modified_since = http_time(request.combined(b"if-modified-since"))
    if (tags := _tags(request, b"if-match")) is not None:
        if not any(_strongly_equal(tag, validators.etag) for tag in tags):
            return HTTPStatus.PRECONDITION_FAILED
    elif unmodified_since is not None and validators.last_modified > unmodified_since:
        return HTTPStatus.PRECONDITION_FAILED
    if (tags := _tags(request, b"if-none-match")) is not None:
        if any(_weakly_equal(tag, validators.etag) for tag in tags):
            return HTTPStatus.NOT_MODIFIED if safe else HTTPStatus.PRECONDITION_FAILED
    elif safe and modified_since is not None and validators.last_modified <= modified_since:
        return HTTPStatus.NOT_MODIFIED
    return None


def range_still_fits(request: Request, validators: Validators) -> bool:
    """Whether a Range field is to be heeded: there is no If-Range, or it names this very content (section 13.1.5)."""
    value = request.combined(b"if-range")
    if value is None:
        return True
    if _TAG.fullmatch(value):
        return _strongly_equal(value, validators.etag)
    # Within its own second a date is weak: the content may change once more (section 8.8.2.2).
    return http_time(value) == validators.last_modified < validators.now


def http_time(value: bytes | None) -> int | None:
    """An HTTP date in any of its three forms (RFC 9110 section 5.6.7) as seconds since 1970; None where it is none."""
    text = (value or b"").decode("latin-1")
    fields = parsedate(text) if _DATE.fullmatch(text) else None
    if fields is None:
        return None
    try:
        return int(datetime(*fields[:6], tzinfo=UTC).timestamp())
    except ValueError:  # such as the 30th of February
        return None


def _tags(request: Request, name: bytes) -> Sequence[bytes] | None:
    """The entity tags of a field, b"*" for any; None where there is no such field. A field that cannot be read has no
    tags: nothing matches it.
    """
    value = request.combined(name)
    if value is None or value == b"*":
        return value if value is None else [value]
    return _TAG.findall(value) if _TAGS.fullmatch(value) else []


def _strongly_equal(given: bytes, own: bytes) -> bool:
    return given == b"*" or (given == own and not own.startswith(b"W/"))


def _weakly_equal(given: bytes, own: bytes) -> bool:
    return given == b"*" or given.removeprefix(b"W/") == own.removeprefix(b"W/")
