"""Durations as people write them."""

import re
from fractions import Fraction
from typing import Final

_UNITS: Final = {
    "ns": 1,
    "us": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "min": 60_000_000_000,
    "h": 3_600_000_000_000,
}
_DURATION: Final = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([a-z]+)\s*")


def nanoseconds(duration: int | str) -> int:
    """`"200 ms"`, `"1.5 s"` … as integer nanoseconds, exactly; the units are ns, us, ms, s, min and h. A number is
    nanoseconds already. Raises `ValueError` for anything else.
    """
    if isinstance(duration, int):
        return duration
    match = _DURATION.fullmatch(duration)
    if match is None or match[2] not in _UNITS:
        raise ValueError(f'{duration!r} is no duration such as "200 ms"; the units are {", ".join(_UNITS)}')
    exact = Fraction(match[1]) * _UNITS[match[2]]
    if exact.denominator != 1:
        raise ValueError(f"{duration!r} is no whole number of nanoseconds")
    return int(exact)
