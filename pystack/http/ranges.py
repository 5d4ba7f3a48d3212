"""Range requests (RFC 9110 section 14): which bytes a client asks for, and how they travel."""

import re
from collections.abc import Iterator, Sequence

_SPEC = re.compile(rb"(\d+)-(\d*)|-(\d+)")
_MOST_DIGITS = 19
"""Beyond it a number is larger than any file, and is not worth the time to read it."""
_MOST_RANGES = 32
_MOST_OVERLAPS = 2

Range = tuple[int, int]
"""First byte and the one behind the last."""


class Unsatisfiable(Exception):
    """No range has a byte that is there: 416, with the size in Content-Range."""


def parse_ranges(value: bytes | None, size: int) -> list[Range] | None:
    """The ranges of a Range field on a representation of `size` bytes, in the client's order, cut to what is there.

    None where the whole is to be sent, which RFC 9110 section 14.2 wants or allows: without the field; for units other
    than bytes; for what is malformed; for an empty representation; for what only an attacker asks (section 17.15), that
    is more than 32 ranges, or more than two overlaps. Raises `Unsatisfiable`.
    """
    unit, equals, rest = (value or b"").partition(b"=")
    if not equals or unit.lower() != b"bytes" or size == 0:
        return None
    specs = [spec for member in rest.split(b",") if (spec := member.strip(b" \t"))]
    if not specs or len(specs) > _MOST_RANGES:
        return None
    found: list[Range] = []
    for spec in specs:
        match = _SPEC.fullmatch(spec)
        if match is None:
            return None
        first, last, suffix = match.groups()
        if suffix is not None:
            start, stop = max(0, size - _number(suffix)), size
        else:
            start, stop = _number(first), min(size, _number(last) + 1 if last else size)
            if last and _number(last) < start:
                return None
        if start < stop:
            found.append((start, stop))
    if not found:
        raise Unsatisfiable
    return found if _overlaps(found) <= _MOST_OVERLAPS else None


def content_range(part: Range, size: int) -> bytes:
    """The value of Content-Range for one part of `size` bytes."""
    return b"bytes %d-%d/%d" % (part[0], part[1] - 1, size)


def multipart(parts: Sequence[Range], size: int, kind: bytes, boundary: bytes) -> Iterator[bytes | Range]:
    """The body of a multipart/byteranges response (section 14.6), piece by piece: bytes as they are, and the ranges
    where the representation's bytes go. `kind` is the representation's media type."""
    line_break = b""
    for part in parts:
        head = (boundary, kind, content_range(part, size))
        yield line_break + b"--%s\r\nContent-Type: %s\r\nContent-Range: %s\r\n\r\n" % head
        yield part
        line_break = b"\r\n"
    yield b"\r\n--%s--\r\n" % boundary


def _number(digits: bytes) -> int:
    return int(digits) if len(digits) <= _MOST_DIGITS else 10**_MOST_DIGITS


def _overlaps(ranges: Sequence[Range]) -> int:
    count, reach = 0, 0
    for start, stop in sorted(ranges):
        count += start < reach
        reach = max(reach, stop)
    return count
