"""The keys of impairments, and how the values of each are written: on the command line and in programs alike. Pure."""

from collections.abc import Callable
from typing import Any, Final, TypeAlias

from pystack.link.bursts import GilbertElliott
from pystack.link.codel import CoDel
from pystack.link.quantities import PACKETS, RATE, SIZE, TIME, Quantity, read_probability
from pystack.link.queues import Limit
from pystack.link.red import Red

Values: TypeAlias = dict[str, Any]

_LONGEST: Final = TIME.units["h"]
_BURST: Final = {"burst": "p", "calm": "r", "bad": "bad", "good": "good"}
"""The keys of bursts of loss, and their names in `GilbertElliott`."""
_AQM: Final[dict[str, Callable[..., CoDel | Red]]] = {"codel": CoDel, "red": Red}
_AQM_KEYS: Final = {
    "target": ("codel",),
    "interval": ("codel",),
    "min_th": ("red",),
    "max_th": ("red",),
    "max_p": ("red",),
    "w_q": ("red",),
    "ecn": ("codel", "red"),
}
"""The keys for those who manage a queue, and whom each is for."""


def full_name(key: str) -> str:
    """The key itself; `dup` is short for `duplicate`."""
    return "duplicate" if key == "dup" else key


def check_key(key: str, *others: str) -> None:
    """Raises `ValueError` where there is no such key; `others` are keys too where it was given."""
    if key not in KEYS:
        raise ValueError(f"there is no {key}; the keys are {', '.join((*KEYS, *others))}")


def read_value(key: str, text: str) -> Any:
    """What `text` means as the value of a key. Raises `ValueError` where that is nothing."""
    return KEYS[key](text)


def to_fields(values: Values) -> Values:
    """The fields of `Impairments` from values by key, of one direction. Raises `ValueError` where keys do not go
    together.
    """
    left = dict(values)
    if "queue" in left and not left.get("rate"):
        raise ValueError("queue needs a rate in the same direction: nothing waits for a line that has none")
    if type(left.get("queue")) is int:
        left["queue"] = Limit(packets=left["queue"])
    if burst := _burst(left):
        left["burst"] = burst
    if aqm := _aqm(left):
        left["aqm"] = aqm
    return left


def _burst(left: Values) -> GilbertElliott | None:
    """Takes what is about bursts out of `left`."""
    given = {key: left.pop(key) for key in _BURST if key in left}
    whole = given.get("burst")
    if isinstance(whole, GilbertElliott):
        if len(given) > 1:
            raise ValueError("burst says all of it: calm, bad and good cannot be beside it")
        return whole
    if given and not ("burst" in given and "calm" in given):
        raise ValueError("bursts of loss need both burst and calm: how often they begin, and end")
    return GilbertElliott(**{_BURST[key]: value for key, value in given.items()}) if given else None


def _aqm(left: Values) -> CoDel | Red | None:
    """Takes what is about the management of the queue out of `left`."""
    given = {key: left.pop(key) for key in _AQM_KEYS if key in left}
    name = left.pop("aqm", None)
    if name is not None and not left.get("rate"):
        raise ValueError("aqm needs a rate in the same direction: nothing waits for a line that has none")
    if isinstance(name, CoDel | Red):
        if given:
            raise ValueError(f"aqm says all of it: {', '.join(given)} cannot be beside it")
        return name
    for key in given:
        if name not in _AQM_KEYS[key]:
            raise ValueError(f"{key} needs aqm={' or aqm='.join(_AQM_KEYS[key])} in the same direction")
    if name is None:
        return None
    return _AQM[_read_aqm(str(name))](**given)


def _read_time(text: str) -> int:
    time = TIME.read(text)
    if time > _LONGEST:
        raise ValueError(f"{text!r} is more than 1h")
    return time


def _more_than_nothing(read: Callable[[str], int]) -> Callable[[str], int]:
    def reader(text: str) -> int:
        value = read(text)
        if not value:
            raise ValueError("nothing would ever get through")
        return value

    return reader


def _read_queue(text: str) -> Limit:
    kinds: tuple[tuple[str, Quantity], ...] = ("packets", PACKETS), ("size", SIZE), ("time", TIME)
    for name, quantity in kinds:
        if text.strip(" 0123456789.").lower() in (unit.lower() for unit in quantity.units):
            return Limit(**{name: _read_time(text) if quantity is TIME else quantity.read(text)})
    raise ValueError(f"{text!r} is no limit of a queue such as 200ms, 100kB or 64packets")


def _read_aqm(text: str) -> str:
    if text not in _AQM:
        raise ValueError(f"there is no {text} to manage a queue: there are {' and '.join(_AQM)}")
    return text


def _read_switch(text: str) -> bool:
    if text not in ("on", "off"):
        raise ValueError(f"{text!r} is neither on nor off")
    return text == "on"


KEYS: Final[dict[str, Callable[[str], Any]]] = {
    "loss": read_probability,
    "burst": read_probability,
    "calm": read_probability,
    "bad": read_probability,
    "good": read_probability,
    "delay": _read_time,
    "jitter": _read_time,
    "reorder": read_probability,
    "duplicate": read_probability,
    "corrupt": read_probability,
    "garble": read_probability,
    "rate": _more_than_nothing(RATE.read),
    "queue": _read_queue,
    "aqm": _read_aqm,
    "target": _read_time,
    "interval": _read_time,
    "min_th": PACKETS.read_number,
    "max_th": PACKETS.read_number,
    "max_p": read_probability,
    "w_q": read_probability,
    "ecn": _read_switch,
    "mtu": _more_than_nothing(SIZE.read_number),
}
