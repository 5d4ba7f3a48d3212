"""What a bad path does to packets. Sans-IO: whoever uses it has the clock and holds the packets until they are due."""

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from random import Random
from typing import Final, NamedTuple

_COPIES: Final = "", " of the copy"
_NS_PER_S: Final = 1_000_000_000
_LATE_WITHOUT_DELAY: Final = 1_000_000
"""At 10 Mbit/s nearly a full-sized packet: whatever comes in a burst is overtaken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Impairments:
    """What one direction of a path does to each packet. `loss`, `reorder`, `duplicate` and `corrupt` are
    probabilities from 0 to 1, times are integer nanoseconds. A packet first waits for the line (`rate`), then is on its
    way, where the rest happens to it. Raises `ValueError` for what is none of these.
    """

    loss: float = 0.0
    delay: int = 0
    """Least time that a packet is under way."""
    jitter: int = 0
    """Most time that is added to it, at random; packets keep their order."""
    reorder: float = 0.0
    """Chance of being late by up to another `delay` + `jitter`, or 1 ms where both are 0: later packets overtake it."""
    duplicate: float = 0.0
    """Chance of arriving twice: at once, but where one of the two is late."""
    corrupt: float = 0.0
    """Chance of one flipped bit."""
    rate: int = 0
    """Bits per second that the line takes, of whole IP packets; 0: any number."""
    queue: int = 200_000_000
    """Longest time that a packet waits for the line; what would wait longer is lost."""

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            if each.type is float:
                if not 0 <= value <= 1:
                    raise ValueError(f"{each.name} is a probability from 0 to 1, and {value!r} is none")
            elif not isinstance(value, int) or value < 0:
                raise ValueError(f"{each.name} is an integer that is not negative, and {value!r} is none")


@dataclass(frozen=True, slots=True, kw_only=True)
class PathImpairments:
    """What a path does in each direction: to what comes to the stack, and to what it sends. The same `seed` and the
    same packets at the same times give the same fates.
    """

    inbound: Impairments = field(default_factory=Impairments)
    outbound: Impairments = field(default_factory=Impairments)
    seed: int = 0


class Fate(NamedTuple):
    """When a packet comes out, and which of its bits is flipped then, counted from the highest of the first byte."""

    at: int
    bit: int | None


class Passage:
    """One direction of a path that has `impairments`. `stream(purpose)` gives a generator for each purpose.

    Each packet draws from every stream, whatever becomes of it, so that one more impairment changes nothing of what the
    others do: with `loss`, the packets that are left come out when they would have, damaged as they would have been.
    """

    __slots__ = ("_corrupt", "_duplicate", "_free_at", "_impairments", "_jitter", "_last", "_loss", "_reorder")

    def __init__(self, impairments: Impairments, stream: Callable[[str], Random]) -> None:
        self._impairments = impairments
        self._loss = stream("loss")
        self._duplicate = stream("duplicate")
        self._jitter = stream("jitter")
        self._reorder = [stream("reorder" + which) for which in _COPIES]
        self._corrupt = [stream("corrupt" + which) for which in _COPIES]
        self._free_at = 0
        """When the line has sent all that waits for it."""
        self._last = 0
        """When the latest packet is due that is not late."""

    def take(self, packet: bytes, now: int) -> list[tuple[int, bytes]]:
        """What becomes of a packet that goes in at `now`, which never falls: when it comes out, and as what. Nothing
        where it is lost, two of them where it is duplicated.
        """
        return [(at, packet if bit is None else _flipped(packet, bit)) for at, bit in self.fates(len(packet), now)]

    def fates(self, size: int, now: int) -> list[Fate]:
        """The same for anything of `size` bytes."""
        i = self._impairments
        is_lost = _happens(i.loss, self._loss)
        copies = 1 + _happens(i.duplicate, self._duplicate)
        jitter = _part(i.jitter, self._jitter)
        drawn = [(self._lateness(self._reorder[n]), self._damage(size, self._corrupt[n])) for n in range(copies)]
        entered = self._pass_line(size, now)
        if entered is None:
            return []
        self._last = max(entered + i.delay + jitter, self._last)
        return [] if is_lost else [Fate(self._last + late, bit) for late, bit in drawn]

    def _pass_line(self, size: int, now: int) -> int | None:
        """When the last bit of a packet has passed the line, None where it would have to wait too long."""
        i = self._impairments
        if not i.rate:
            return now
        begins = max(now, self._free_at)
        if begins - now > i.queue:
            return None
        self._free_at = begins + 8 * size * _NS_PER_S // i.rate
        return self._free_at

    def _lateness(self, generator: Random) -> int:
        i = self._impairments
        late = _happens(i.reorder, generator)
        return _part(i.delay + i.jitter or _LATE_WITHOUT_DELAY, generator) if late else 0

    def _damage(self, size: int, generator: Random) -> int | None:
        damaged = _happens(self._impairments.corrupt, generator)
        return _part(8 * size, generator) if damaged and size else None


def _happens(probability: float, generator: Random) -> bool:
    return probability > 0 and generator.random() < probability


def _part(most: int, generator: Random) -> int:
    return int(generator.random() * most)


def _flipped(packet: bytes, bit: int) -> bytes:
    damaged = bytearray(packet)
    damaged[bit >> 3] ^= 0x80 >> (bit & 7)
    return bytes(damaged)
