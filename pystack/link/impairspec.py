"""Impairments as they are written on the command line. Pure."""

from collections.abc import Callable
from typing import Any, Final

from pystack.link.impair import Impairments, PathImpairments
from pystack.link.quantities import RATE, SIZE, TIME, read_probability
from pystack.link.spec import DIRECTIONS, Item, read_items

_LONGEST: Final = TIME.units["h"]
_LARGEST_SEED: Final = 1 << 64


def parse_impairments(text: str) -> PathImpairments:
    """`in:loss=3%,delay=40ms,jitter=5ms,reorder=1%,dup=1%,corrupt=0.1%,rate=20Mbit,queue=100kB;out:…;seed=7`.

    The grammar is that of `pystack.link.spec`; the keys are those of `Impairments`, where `queue` may be a size too.
    Raises `ValueError`, one sentence that names the bad key, unit or number.
    """
    found: dict[str, dict[str, Any]] = {direction: {} for direction in DIRECTIONS}
    seed: int | None = None
    for item in read_items(text):
        if item.key == "seed":
            if item.direction or seed is not None:
                raise ValueError(f"{item}: there is one seed, which is for both directions")
            seed = _read_seed(item.value)
            continue
        name, value = _read(item)
        for direction in item.directions:
            if name in found[direction]:
                raise ValueError(f"{item}: {item.key} is given twice for {direction}")
            found[direction][name] = value
    inbound, outbound = (_impairments(found[direction]) for direction in DIRECTIONS)
    return PathImpairments(inbound=inbound, outbound=outbound, seed=seed or 0)


def _read(item: Item) -> tuple[str, Any]:
    """The name of the field of `Impairments`, and its value."""
    if item.key not in _KEYS:
        raise ValueError(f"{item}: there is no {item.key}; the keys are {', '.join((*_KEYS, 'seed'))}")
    name, read = _KEYS[item.key]
    try:
        return name, read(item.value)
    except ValueError as error:
        raise ValueError(f"{item}: {error}") from None


def _read_time(text: str) -> int:
    time = TIME.read(text)
    if time > _LONGEST:
        raise ValueError(f"{text!r} is more than 1h")
    return time


def _read_rate(text: str) -> int:
    rate = RATE.read(text)
    if not rate:
        raise ValueError("nothing would ever get through")
    return rate


def _read_queue(text: str) -> tuple[str, int]:
    try:
        return "bytes", SIZE.read(text)
    except ValueError:
        return "time", _read_time(text)


def _read_seed(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 20 and int(text) < _LARGEST_SEED):
        raise ValueError(f"seed={text}: a seed is a number from 0 to {_LARGEST_SEED - 1}")
    return int(text)


def _impairments(values: dict[str, Any]) -> Impairments:
    if "queue" in values:
        unit, amount = values["queue"]
        rate = values.get("rate")
        if rate is None:
            raise ValueError("queue needs a rate in the same direction: nothing waits for a line that has none")
        values["queue"] = amount if unit == "time" else 8 * amount * TIME.units["s"] // rate
    return Impairments(**values)


_KEYS: Final[dict[str, tuple[str, Callable[[str], Any]]]] = {
    "loss": ("loss", read_probability),
    "delay": ("delay", _read_time),
    "jitter": ("jitter", _read_time),
    "reorder": ("reorder", read_probability),
    "dup": ("duplicate", read_probability),
    "corrupt": ("corrupt", read_probability),
    "rate": ("rate", _read_rate),
    "queue": ("queue", _read_queue),
}
