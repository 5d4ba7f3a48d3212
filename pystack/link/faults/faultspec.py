"""Faults as they are written on the command line. Pure."""

from collections.abc import Callable
from typing import Final, Literal, TypeAlias

from pystack.link.crossing import Fault
from pystack.link.faults.bleach import BleachEce, BleachEcn, BleachOptions
from pystack.link.faults.chosen import AckUnreceived, AckUnsent, CorruptText, Delay, Drop, Duplicate
from pystack.link.faults.endings import CloseWindow, HalfOpen, Reset, Stall
from pystack.link.faults.flows import Direction
from pystack.link.faults.size import BlackHole, Merge, Split
from pystack.link.quantities import SIZE, TIME
from pystack.link.spec import read_items

_Maker: TypeAlias = Callable[[str, Direction], Fault]


def parse_faults(text: str) -> list[Fault]:
    """`in:drop=syn#1,delay=data#3/2s;out:reset=100kB/sender`: the faults in the order in which they are written, which
    is that in which each packet meets them.

    The grammar is that of `pystack.link.spec`; the keys are those of docs/how-to/faults.md. An item may be there
    several times. Without `in:` or `out:` a fault looks at what goes either way, and counts that together. Raises
    `ValueError`, one sentence that names the bad key, unit or number.
    """
    found = []
    for item in read_items(text):
        if item.key not in KEYS:
            raise ValueError(f"{item}: there is no {item.key}; the keys are {', '.join(KEYS)}")
        try:
            found.append(KEYS[item.key](item.value, _DIRECTIONS[item.direction]))
        except ValueError as error:
            raise ValueError(f"{item}: {error}") from None
    return found


def _read_chosen(text: str) -> tuple[str, int | None]:
    """`syn#1` or `syn`; which kinds there are is for the fault to say."""
    kind, sharp, number = (word.strip() for word in text.partition("#"))
    if not sharp:
        return kind, None
    if not (number.isascii() and number.isdigit() and len(number) <= 9):
        raise ValueError(f"{text!r} is no choice such as data#3")
    return kind, int(number)


def _read_two(text: str, example: str) -> tuple[str, str]:
    """`data#3/2s`."""
    first, slash, second = (word.strip() for word in text.partition("/"))
    if not (first and slash and second):
        raise ValueError(f"{text!r} has not two parts, as {example} has")
    return first, second


def _chosen(fault: type[Drop | Duplicate | CorruptText | AckUnreceived]) -> _Maker:
    return lambda text, direction: fault(*_read_chosen(text), direction=direction)


def _sized(fault: type[BlackHole | Split | Merge | Stall | CloseWindow]) -> _Maker:
    return lambda text, direction: fault(SIZE.read(text), direction=direction)


def _delay(text: str, direction: Direction) -> Fault:
    which, time = _read_two(text, "data#3/2s")
    return Delay(*_read_chosen(which), time=TIME.read(time), direction=direction)


def _ack_unsent(text: str, direction: Direction) -> Fault:
    which, by = _read_two(text, "ack#1/1kB")
    return AckUnsent(*_read_chosen(which), by=SIZE.read(by), direction=direction)


def _reset(text: str, direction: Direction) -> Fault:
    size, _, to = (word.strip() for word in text.partition("/"))
    if to not in _RESET:
        raise ValueError(f"{to!r} is nobody to be reset: there are receiver, sender and, with neither, both")
    return Reset(SIZE.read(size), to=_RESET[to], direction=direction)


def _half_open(*, returns: bool) -> _Maker:
    def make(text: str, direction: Direction) -> Fault:
        if direction == "both":
            raise ValueError("who vanishes? in: is the end that the stack talks to, and out: the stack")
        return HalfOpen(SIZE.read(text), gone=direction, returns=returns)

    return make


def _bleach(text: str, direction: Direction) -> Fault:
    match text:
        case "ecn":
            return BleachEcn(direction)
        case "ece":
            return BleachEce(direction)
    return BleachOptions(text, direction=direction)


def _strip(text: str, direction: Direction) -> Fault:
    return BleachOptions(text, remove=True, direction=direction)


_DIRECTIONS: Final[dict[str, Direction]] = {"": "both", "in": "in", "out": "out"}
_RESET: Final[dict[str, Literal["both", "receiver", "sender"]]] = {
    "": "both",
    "receiver": "receiver",
    "sender": "sender",
}
KEYS: Final[dict[str, _Maker]] = {
    "drop": _chosen(Drop),
    "delay": _delay,
    "dup": _chosen(Duplicate),
    "corrupt": _chosen(CorruptText),
    "ack-unsent": _ack_unsent,
    "ack-unreceived": _chosen(AckUnreceived),
    "split": _sized(Split),
    "merge": _sized(Merge),
    "black-hole": _sized(BlackHole),
    "bleach": _bleach,
    "strip": _strip,
    "close-window": _sized(CloseWindow),
    "reset": _reset,
    "stall": _sized(Stall),
    "vanish": _half_open(returns=False),
    "reboot": _half_open(returns=True),
}
"""What can be written, and what is made of it."""
