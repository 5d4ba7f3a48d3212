"""Which content codings a client takes (RFC 9110 section 12.5.3)."""

import re
from collections.abc import Iterable

from pystack.http.request import Request

_MEMBER = re.compile(rb"([^\s;]+)(?:[ \t]*;[ \t]*q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?))?")


def acceptable(request: Request, codings: Iterable[bytes]) -> list[bytes]:
    """Those of `codings` (lower case) that the client would rather have than none, best first; of equals, the first.

    A request without the field asks for none, and so does a member of it that cannot be read.
    """
    asked = _qualities(request.combined(b"accept-encoding") or b"")
    uncoded = asked.get(b"identity", 0.0)

    def quality(coding: bytes) -> float:
        return asked.get(coding, asked.get(b"*", 0.0))

    wanted = [coding for coding in codings if quality(coding) > 0 and quality(coding) >= uncoded]
    return sorted(wanted, key=quality, reverse=True)


def _qualities(value: bytes) -> dict[bytes, float]:
    members = (_MEMBER.fullmatch(member.strip(b" \t")) for member in value.lower().split(b","))
    # Section 8.4.1.3: x-gzip is the same as gzip.
    return {match[1].removeprefix(b"x-"): float(match[2] or 1) for match in members if match}
