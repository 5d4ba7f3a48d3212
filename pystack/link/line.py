"""The line of a path: it sends bit by bit, at a rate, and packets queue before it."""

from collections import deque
from collections.abc import Iterator
from typing import Final, Generic, TypeVar

from pystack.link.counts import Counts
from pystack.link.ecn import ce_marked
from pystack.link.queues import Backlog, Discipline, Limit, Verdict

T = TypeVar("T")

_NS_PER_S: Final = 1_000_000_000


class _Waiting(Generic[T]):
    """A packet in the queue, since when it is there, how long the line will take for it, and what belongs to it."""

    __slots__ = ("duration", "packet", "since", "tag")

    def __init__(self, packet: bytes, tag: T, since: int, duration: int) -> None:
        self.packet = packet
        self.tag = tag
        self.since = since
        self.duration = duration


class Line(Generic[T]):
    """Sends `rate` bits per second of whole packets (0: any number at once), one after the other. What waits is bounded
    by `limit` and managed by `discipline` (None: drop-tail), which marks where it can with `ecn`. `counts` has what is
    dropped and marked.

    It is told the time: `advance` does all that has happened until then, each thing at its exact time, and comes before
    whatever arrives then.
    """

    __slots__ = ("_counts", "_discipline", "_ecn", "_limit", "_rate", "_waiting", "backlog", "free_at")

    def __init__(self, rate: int, limit: Limit, discipline: Discipline | None, ecn: bool, counts: Counts) -> None:
        self._rate = rate
        self._limit = limit
        self._discipline = discipline
        self._ecn = ecn
        self._counts = counts
        self._waiting: deque[_Waiting[T]] = deque()
        self.backlog = Backlog()
        self.free_at = 0
        """When the last bit of what is on the line has passed."""

    def put(self, packet: bytes, tag: T, now: int) -> None:
        """A packet arrives; the line has been advanced to `now`. It comes out with its `tag`, unless it is dropped."""
        size, backlog = len(packet), self.backlog
        verdict = Verdict.PASS if self._discipline is None else self._discipline.on_arrival(size, backlog, now)
        must_wait = bool(self._waiting) or now < self.free_at
        if must_wait and not self._limit.takes(size, backlog, self.free_at - now + backlog.time):
            verdict = Verdict.DROP
        let_in = self._let_by(verdict, packet)
        if let_in is None:
            return
        duration = 8 * size * _NS_PER_S // self._rate if self._rate else 0
        self._waiting.append(_Waiting(let_in, tag, now, duration))
        backlog.packets += 1
        backlog.size += size
        backlog.time += duration

    def advance(self, now: float) -> Iterator[tuple[int, bytes, T]]:
        """Puts on the line what it begins to send until `now`: when the last bit of it will have passed, the packet,
        and its tag.
        """
        backlog = self.backlog
        while self._waiting:
            head = self._waiting[0]
            begins = max(self.free_at, head.since)
            if begins > now:
                return
            self._waiting.popleft()
            backlog.packets -= 1
            backlog.size -= len(head.packet)
            backlog.time -= head.duration
            if self._discipline is not None:
                verdict = self._discipline.on_departure(begins - head.since, backlog, begins)
                packet = self._let_by(verdict, head.packet)
                if packet is None:
                    continue
                head.packet = packet
            self.free_at = begins + head.duration
            yield self.free_at, head.packet, head.tag

    def clear(self) -> None:
        """What waits is lost."""
        self._waiting.clear()
        self.backlog.packets = self.backlog.size = self.backlog.time = 0

    def _let_by(self, verdict: Verdict, packet: bytes) -> bytes | None:
        if verdict is Verdict.PASS:
            return packet
        if verdict is Verdict.SIGNAL and self._ecn:
            marked = ce_marked(packet)
            if marked is not None:
                self._counts.marked += 1
                return marked
        self._counts.dropped += 1
        return None
