"""Times, rates, sizes and probabilities as people write them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

_AMOUNT: Final = re.compile(r"\s*(\d{1,15}(?:\.\d{1,15})?)\s*([A-Za-z]+)\s*", re.ASCII)
_PROBABILITY: Final = re.compile(r"\s*(\d{0,15}\.?\d{1,15})\s*(%?)\s*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Quantity:
    """A kind of amounts: what one is called, an example, and what each unit is worth in `smallest`, exactly."""

    name: str
    example: str
    smallest: str
    units: Mapping[str, int]

    def read(self, text: str) -> int:
        """`"1.5 s"`, `"20Mbit"` … as an integer; units in capitals or not. Raises `ValueError` for anything else."""
        match = _AMOUNT.fullmatch(text)
        worth = {unit.lower(): n for unit, n in self.units.items()}.get(match[2].lower()) if match else None
        if match is None or worth is None:
            raise ValueError(
                f"{text!r} is no {self.name} such as {self.example}; the units are {', '.join(self.units)}"
            )
        exact = Fraction(match[1]) * worth
        if exact.denominator != 1:
            raise ValueError(f"{text!r} is no whole number of {self.smallest}")
        return int(exact)


TIME: Final = Quantity(
    "time",
    "40ms",
    "nanoseconds",
    {
        "ns": 1,
        "us": 1_000,
        "ms": 1_000_000,
        "s": 1_000_000_000,
        "min": 60_000_000_000,
        "h": 3_600_000_000_000,
    },
)
RATE: Final = Quantity(
    "rate", "20Mbit", "bits a second", {"bit": 1, "kbit": 1_000, "Mbit": 1_000_000, "Gbit": 1_000_000_000}
)
SIZE: Final = Quantity(
    "size", "64kB", "bytes", {"B": 1, "kB": 1_000, "MB": 1_000_000, "GB": 1_000_000_000, "KiB": 1 << 10, "MiB": 1 << 20}
)


def read_probability(text: str) -> float:
    """`"3%"` or `"0.03"`. Raises `ValueError` for what is no number, or more than one."""
    match = _PROBABILITY.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no probability such as 3% or 0.03")
    value = float(Fraction(match[1]) / (100 if match[2] else 1))
    if value > 1:
        hint = "" if match[2] else f"; percent are written {text.strip()}%"
        raise ValueError(f"{text!r} is more than {'100%' if match[2] else '1'}{hint}")
    return value
