"""RED, random early detection (Floyd and Jacobson 1993; RFC 2309): the longer the queue is on average, the more packets
are dropped before there is no room. It is the gentle one: above `max_th` the chance rises on, to 1 at twice that.
"""

from dataclasses import dataclass
from random import Random
from typing import Final

from pystack.link.quantities import check_amount, check_probability
from pystack.link.queues import Backlog, Verdict

_TYPICAL: Final = 500
"""Bytes of a packet of the usual size: as many as the line could have sent while it was idle age the average."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Red:
    """RED's settings, with Floyd and Jacobson's names and the defaults that Floyd recommends. Raises `ValueError`."""

    min_th: int = 5
    """Packets that wait on average before any is dropped early."""
    max_th: int = 15
    """Packets that wait on average when so many are dropped as `max_p` says; from there on none is marked."""
    max_p: float = 0.1
    w_q: float = 0.002
    """How much of the queue's length at an arrival goes into the average."""
    ecn: bool = False

    def __post_init__(self) -> None:
        check_amount("min_th", self.min_th)
        check_amount("max_th", self.max_th, least=1)
        check_probability("max_p", self.max_p)
        check_probability("w_q", self.w_q)
        if self.max_th <= self.min_th:
            raise ValueError(f"max_th is more than min_th, and {self.max_th} is not more than {self.min_th}")

    def start(self, rate: int, generator: Random) -> "RedQueue":
        """An empty queue, which draws from `generator`."""
        return RedQueue(self, rate, generator)


def early_chance(average: float, settings: Red) -> float:
    """The chance p_b that a queue of this average length calls for."""
    if average < settings.min_th:
        return 0.0
    if average < settings.max_th:
        return settings.max_p * (average - settings.min_th) / (settings.max_th - settings.min_th)
    beyond = (average - settings.max_th) / settings.max_th
    return min(settings.max_p + (1 - settings.max_p) * beyond, 1.0)


def spread(chance: float, count: int) -> float:
    """p_a = p_b / (1 - count * p_b): the chance after `count` packets in a row that were let in, with which the gaps
    between drops are even and not geometric.
    """
    left = 1 - count * chance
    return chance / left if left > chance else 1.0


def decayed(average: float, w_q: float, packets: int) -> float:
    """What is left of an average after so many packets that met an empty queue: average * (1 - w_q) ** packets, by
    multiplications alone, which are the same on every machine.
    """
    factor = 1 - w_q
    while packets:
        if packets & 1:
            average *= factor
        factor *= factor
        packets >>= 1
    return average


class RedQueue:
    """The state of RED."""

    __slots__ = ("_generator", "_idle_since", "_settings", "_typical_time", "average", "count")

    def __init__(self, settings: Red, rate: int, generator: Random) -> None:
        self._settings = settings
        self._generator = generator
        self._typical_time = max(8 * _TYPICAL * 1_000_000_000 // rate, 1)
        self._idle_since = 0
        """Since when the queue is empty, if it is."""
        self.average = 0.0
        self.count = -1
        """Packets let in since the last that was not; -1 while the average is below `min_th`."""

    def on_arrival(self, size: int, backlog: Backlog, now: int) -> Verdict:
        """Takes part in the average, whatever becomes of it. Each draws one number, so that the draws of those after it
        do not hang on the average.
        """
        drawn = self._generator.random()
        settings = self._settings
        if not backlog.packets:
            self.average = decayed(self.average, settings.w_q, (now - self._idle_since) // self._typical_time)
            self._idle_since = now
        self.average += settings.w_q * (backlog.packets - self.average)
        chance = early_chance(self.average, settings)
        if not chance:
            self.count = -1 if self.average < settings.min_th else self.count + 1
            return Verdict.PASS
        self.count += 1
        if drawn >= spread(chance, self.count):
            return Verdict.PASS
        self.count = 0
        # RFC 3168 section 19.1: above the maximum threshold routers drop rather than mark.
        return Verdict.SIGNAL if self.average < settings.max_th else Verdict.DROP

    def on_departure(self, sojourn: int, backlog: Backlog, now: int) -> Verdict:
        """Everything that was let in goes on; the queue may be empty then."""
        if not backlog.packets:
            self._idle_since = now
        return Verdict.PASS
