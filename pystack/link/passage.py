"""What chance does to the packets of one direction of a path."""

from collections.abc import Callable
from random import Random
from typing import Final, NamedTuple, TypeAlias

from pystack.link.bursts import BurstLoss
from pystack.link.entropy import random_bytes
from pystack.link.impair import Impairments

_COPIES: Final = "", " of the copy"
_LATE_WITHOUT_DELAY: Final = 1_000_000
"""At 10 Mbit/s nearly a full-sized packet: whatever comes in a burst is overtaken."""

Streams: TypeAlias = Callable[[str], Random]
"""A generator for each purpose (`pystack.link.entropy.stream`)."""


class Copy(NamedTuple):
    """What happens to one of the copies of a packet that arrive."""

    late: int
    """Nanoseconds that it comes later than in order."""
    bit: int | None
    """Which bit is flipped, counted from the highest of the first byte."""
    run: tuple[int, bytes] | None
    """Which bytes are overwritten: from where on, and by what."""


class Fate(NamedTuple):
    """What chance will do to a packet, whenever it is on its way."""

    is_lost: bool
    jitter: int
    copies: tuple[Copy, ...]


class Passage:
    """The draws of one direction that has these `impairments`.

    Each packet draws from every stream, whatever becomes of it, so that one more impairment changes nothing of what the
    others do: with `loss`, the packets that are left come out when they would have, damaged as they would have been.
    """

    __slots__ = ("_bursts", "_corrupt", "_duplicate", "_garble", "_impairments", "_jitter", "_loss", "_reorder", "last")

    def __init__(self, impairments: Impairments, stream: Streams) -> None:
        self._impairments = impairments
        self._loss = stream("loss")
        burst = impairments.burst
        self._bursts = None if burst is None else BurstLoss(burst, stream("burst"), stream("loss in bursts"))
        self._duplicate = stream("duplicate")
        self._jitter = stream("jitter")
        self._reorder = [stream("reorder" + which) for which in _COPIES]
        self._corrupt = [stream("corrupt" + which) for which in _COPIES]
        self._garble = [stream("garble" + which) for which in _COPIES]
        self.last = 0
        """When the latest packet is due that is not late: none comes before it in order."""

    def draw(self, size: int) -> Fate:
        """The fate of the next packet, of `size` bytes."""
        i = self._impairments
        is_lost = _happens(i.loss, self._loss)
        if self._bursts is not None:
            is_lost |= self._bursts.takes_next()
        copies = 1 + _happens(i.duplicate, self._duplicate)
        jitter = _part(i.jitter, self._jitter)
        return Fate(is_lost, jitter, tuple(self._copy(size, n) for n in range(copies)))

    def arrivals(self, fate: Fate, entered: int) -> list[tuple[int, Copy]]:
        """When the copies of a packet come out that has passed the line at `entered`, which never falls. None where it
        is lost, two where it is duplicated.
        """
        self.last = max(entered + self._impairments.delay + fate.jitter, self.last)
        return [] if fate.is_lost else [(self.last + copy.late, copy) for copy in fate.copies]

    def _copy(self, size: int, n: int) -> Copy:
        i = self._impairments
        reorder, corrupt, garble = self._reorder[n], self._corrupt[n], self._garble[n]
        late = _part(i.delay + i.jitter or _LATE_WITHOUT_DELAY, reorder) if _happens(i.reorder, reorder) else 0
        bit = _part(8 * size, corrupt) if _happens(i.corrupt, corrupt) and size else None
        return Copy(late, bit, _run(size, garble) if _happens(i.garble, garble) and size else None)


def _run(size: int, generator: Random) -> tuple[int, bytes]:
    """Anything from one byte to all that follow."""
    at = _part(size, generator)
    return at, random_bytes(generator, 1 + _part(size - at, generator))


def _happens(probability: float, generator: Random) -> bool:
    return probability > 0 and generator.random() < probability


def _part(most: int, generator: Random) -> int:
    return int(generator.random() * most)
