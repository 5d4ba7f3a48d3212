"""One direction of a path: packets go in, and come out when they have passed."""

import heapq
import math
from collections.abc import Iterator
from itertools import count
from typing import Final, TypeAlias

from pystack.link.counts import Counts
from pystack.link.damage import damaged
from pystack.link.impair import Impairments
from pystack.link.line import Line
from pystack.link.passage import Fate, Passage, Streams

_OVERHEAD: Final = 256
"""What a packet under way costs beside its bytes, at most."""

Rank: TypeAlias = tuple[int, int]
"""When a packet comes out, and a number that grows: what is due at once comes out in the order in which it went in."""


class Way:
    """Passes packets on as `impairments` say, with the random numbers of `stream`. At most `most` bytes are held (None:
    any number); `counts` counts. Ways that share `serials` have an order among what is due at the same time.

    It is pulled: `put` in, ask `next_due` when to come back, take with `due`. The time given never falls.
    """

    def __init__(
        self,
        impairments: Impairments,
        stream: Streams,
        most: int | None = None,
        serials: Iterator[int] | None = None,
    ) -> None:
        self.counts = Counts()
        self.is_cut = False
        """Nothing gets on it any more; what is under way goes on."""
        self.mtu = impairments.mtu
        self._delay = impairments.delay
        self._passage = Passage(impairments, stream)
        aqm, rate = impairments.aqm, impairments.rate
        self._line: Line[tuple[Fate, int]] = Line(
            rate,
            impairments.queue,
            None if aqm is None else aqm.start(rate, stream("aqm")),
            aqm is not None and aqm.ecn,
            self.counts,
        )
        self._most = math.inf if most is None else most
        self._held = 0
        """Bytes under way behind the line, with what they cost."""
        self._under_way: list[tuple[int, int, bytes]] = []
        self._serials = count() if serials is None else serials

    @property
    def next_due(self) -> int | None:
        """When to come back: no packet comes out before. One does then, unless others wait for the line, and the one
        that it has sent last is lost or late: asked again, this says more. None where nothing is under way.
        """
        heads = [self._under_way[0][0]] if self._under_way else []
        if self._line.backlog.packets:
            # It is not known yet what becomes of the queue, but that it begins to pass when the line is free.
            heads.append(max(self._line.free_at + self._delay, self._passage.last))
        return min(heads, default=None)

    def put(self, packet: bytes, now: int, late: int = 0) -> None:
        """A wire packet goes in, to come out `late` nanoseconds later than it would."""
        counts = self.counts
        counts.sent += 1
        if self.mtu and len(packet) > self.mtu:
            counts.oversized += 1
            return
        # Drawn in any case, so that neither a cut nor a full queue changes the fates of the packets after it.
        fate = self._passage.draw(len(packet))
        self._advance(now)
        backlog = self._line.backlog
        if self.is_cut:
            counts.lost += 1
        elif self._held + backlog.size + (backlog.packets + 1) * _OVERHEAD + len(packet) > self._most:
            counts.overflowed += 1
        else:
            self._line.put(packet, (fate, late), now)
            self._advance(now)

    def rank(self, now: float) -> Rank | None:
        """That of what `pop` gives; None where nothing is due at `now`."""
        self._advance(now)
        if not self._under_way or self._under_way[0][0] > now:
            return None
        at, serial, _ = self._under_way[0]
        return at, serial

    def pop(self) -> bytes:
        """Takes the packet that comes out next, due or not."""
        packet = heapq.heappop(self._under_way)[2]
        self._held -= len(packet) + _OVERHEAD
        return packet

    def due(self, now: float) -> Iterator[bytes]:
        """Takes what is due at `now`, in its order."""
        while self.rank(now) is not None:
            yield self.pop()

    def clear(self) -> None:
        """What is under way is lost."""
        self._line.clear()
        self._under_way.clear()
        self._held = 0

    def _advance(self, now: float) -> None:
        for entered, packet, (fate, late) in self._line.advance(now):
            arrivals = self._passage.arrivals(fate, entered)
            self.counts.lost += not arrivals
            self.counts.duplicated += len(arrivals) > 1
            for n, (at, copy) in enumerate(arrivals):
                cost = len(packet) + _OVERHEAD
                if n and self._held + self._line.backlog.size + cost > self._most:
                    self.counts.overflowed += 1
                    continue
                self._held += cost
                data = damaged(packet, copy, self.counts)
                heapq.heappush(self._under_way, (at + late, next(self._serials), data))
