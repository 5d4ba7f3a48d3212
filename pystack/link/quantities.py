"""Times, rates, sizes, counts and probabilities as people write them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

_AMOUNT: Final = re.compile(r"\s*(\d{1,15}(?:\.\d{1,15})?)\s*([A-Za-z]+(?:/s)?)\s*", re.ASCII)
_PROBABILITY: Final = re.compile(r"\s*(\d{0,15}\.?\d{1,15})\s*(%?)\s*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Quantity:
    """A kind of amounts: what one is called, an example, what each unit is worth in `smallest`, exactly, and what may
    follow a unit.
    """

    name: str
    example: str
    smallest: str
    units: Mapping[str, int]
    suffix: str = ""

    def read(self, text: str) -> int:
        """`"1.5 s"`, `"20Mbit"` … as an integer; units in capitals or not. Raises `ValueError` for anything else."""
        match = _AMOUNT.fullmatch(text)
        unit = match[2].lower().removesuffix(self.suffix) if match else ""
        worth = {unit.lower(): n for unit, n in self.units.items()}.get(unit)
        if match is None or worth is None:
            raise ValueError(
                f"{text!r} is no {self.name} such as {self.example}; the units are {', '.join(self.units)}"
            )
        exact = Fraction(match[1]) * worth
        if exact.denominator != 1:
            raise ValueError(f"{text!r} is no whole number of {self.smallest}")
        return int(exact)

    def read_number(self, text: str) -> int:
        """The same, where a number without a unit counts `smallest`."""
        digits = text.strip()
        return int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= 15 else self.read(text)


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
    "rate", "20Mbit", "bits a second", {"bit": 1, "kbit": 1_000, "Mbit": 1_000_000, "Gbit": 1_000_000_000}, "/s"
)
SIZE: Final = Quantity(
    "size", "64kB", "bytes", {"B": 1, "kB": 1_000, "MB": 1_000_000, "GB": 1_000_000_000, "KiB": 1 << 10, "MiB": 1 << 20}
)
PACKETS: Final = Quantity("number of packets", "64packets", "packets", {"packets": 1, "packet": 1})


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


def check_probability(name: str, value: object) -> None:
    """Raises `ValueError` where a value in a program is none."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise ValueError(f"{name} is a probability from 0 to 1, and {value!r} is none")


def check_amount(name: str, value: object, least: int = 0) -> None:
    """Raises `ValueError` where a value in a program is no integer, or less than `least`."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        bound = f"of {least} or more" if least else "that is not negative"
        raise ValueError(f"{name} is an integer {bound}, and {value!r} is none")
