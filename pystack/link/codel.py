"""CoDel (RFC 8289): packets are dropped while the *least* time that any of them waits stays too long."""

from dataclasses import dataclass
from math import isqrt
from random import Random

from pystack.link.quantities import check_amount
from pystack.link.queues import Backlog, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class CoDel:
    """CoDel's settings, with the defaults of RFC 8289 section 4.2 and 4.3. Raises `ValueError`."""

    target: int = 5_000_000
    """Nanoseconds that a packet may wait in a good queue."""
    interval: int = 100_000_000
    """Nanoseconds for which waits may stay above `target` before there are drops: about a large round-trip time."""
    ecn: bool = False

    def __post_init__(self) -> None:
        check_amount("target", self.target)
        check_amount("interval", self.interval, least=1)

    def start(self, rate: int, generator: Random) -> "CoDelQueue":
        """An empty queue; nothing of CoDel is random."""
        return CoDelQueue(self)


def control_law(at: int, interval: int, count: int) -> int:
    """When to drop next after the `count`th drop, at `at`: at + interval / sqrt(count), rounded down."""
    return at + isqrt(interval * interval // count)


class CoDelQueue:
    """The state of RFC 8289 section 5, with its names; None where the RFC has a time of 0."""

    __slots__ = (
        "_owes_schedule",
        "_settings",
        "count",
        "drop_next",
        "dropping",
        "first_above_time",
        "lastcount",
        "maxpacket",
    )

    def __init__(self, settings: CoDel) -> None:
        self._settings = settings
        self.first_above_time: int | None = None
        self.drop_next = 0
        self.count = 0
        self.lastcount = 0
        self.dropping = False
        self.maxpacket = 0
        """The largest packet that was seen: a queue that holds no more than one is no standing queue."""
        self._owes_schedule = False
        """There was a drop, and the next is scheduled only if the packet behind it has waited too long as well."""

    def on_arrival(self, size: int, backlog: Backlog, now: int) -> Verdict:
        """Everything is let in."""
        self.maxpacket = max(self.maxpacket, size)
        return Verdict.PASS

    def on_departure(self, sojourn: int, backlog: Backlog, now: int) -> Verdict:
        """The RFC's `dequeue`, one packet of its loops at a time."""
        ok_to_drop = self._ok_to_drop(sojourn, backlog, now)
        if not self.dropping:
            if ok_to_drop:
                self._start_dropping(now)
                return Verdict.SIGNAL
            return Verdict.PASS
        if not ok_to_drop:
            self.dropping = self._owes_schedule = False
            return Verdict.PASS
        if self._owes_schedule:
            self.drop_next = control_law(self.drop_next, self._settings.interval, self.count)
            self._owes_schedule = False
        if now < self.drop_next:
            return Verdict.PASS
        self.count += 1
        self._owes_schedule = True
        return Verdict.SIGNAL

    def _ok_to_drop(self, sojourn: int, backlog: Backlog, now: int) -> bool:
        """Whether waits have been above the target for an interval (the RFC's `dodequeue`)."""
        if sojourn < self._settings.target or backlog.size <= self.maxpacket:
            self.first_above_time = None
            return False
        if self.first_above_time is None:
            self.first_above_time = now + self._settings.interval
            return False
        return now >= self.first_above_time

    def _start_dropping(self, now: int) -> None:
        """At about the rate with which the last time of drops ended, when that was not long ago."""
        interval = self._settings.interval
        delta = self.count - self.lastcount
        self.count = delta if delta > 1 and now - self.drop_next < 16 * interval else 1
        self.drop_next = control_law(now, interval, self.count)
        self.lastcount = self.count
        self.dropping = True
