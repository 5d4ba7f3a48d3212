"""Impairments as they are written on the command line. Pure."""

from typing import Any, Final

from pystack.link.impair import Impairments, PathImpairments
from pystack.link.impairkeys import check_key, full_name, read_value, to_fields
from pystack.link.spec import DIRECTIONS, read_items

_LARGEST_SEED: Final = 1 << 64


def parse_impairments(text: str) -> PathImpairments:
    """`in:loss=3%,delay=40ms,jitter=5ms,reorder=1%,dup=1%,corrupt=0.1%,rate=20Mbit,queue=100kB;out:…;seed=7`.

    The grammar is that of `pystack.link.spec`, the keys those of `pystack.link.impairkeys`, and `seed`. Raises
    `ValueError`, one sentence that names the bad key, unit or number.
    """
    found: dict[str, dict[str, Any]] = {direction: {} for direction in DIRECTIONS}
    seed: int | None = None
    for item in read_items(text):
        if item.key == "seed":
            if item.direction or seed is not None:
                raise ValueError(f"{item}: there is one seed, which is for both directions")
            seed = _read_seed(item.value)
            continue
        key = full_name(item.key)
        try:
            check_key(key, "seed")
            value = read_value(key, item.value)
        except ValueError as error:
            raise ValueError(f"{item}: {error}") from None
        for direction in item.directions:
            if key in found[direction]:
                raise ValueError(f"{item}: {item.key} is given twice for {direction}")
            found[direction][key] = value
    inbound, outbound = (Impairments(**to_fields(found[direction])) for direction in DIRECTIONS)
    return PathImpairments(inbound=inbound, outbound=outbound, seed=seed or 0)


def _read_seed(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 20 and int(text) < _LARGEST_SEED):
        raise ValueError(f"seed={text}: a seed is a number from 0 to {_LARGEST_SEED - 1}")
    return int(text)
