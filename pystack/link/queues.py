"""What may wait for a line, and the contract of those who manage what waits."""

from dataclasses import dataclass
from enum import Enum, auto
from random import Random
from typing import Protocol

from pystack.link.quantities import check_amount


class Verdict(Enum):
    """What becomes of a packet."""

    PASS = auto()
    SIGNAL = auto()
    """It tells of congestion: marked where ECN is on and its transport understands that, else dropped."""
    DROP = auto()


@dataclass(slots=True)
class Backlog:
    """What waits: packets, their bytes, and the nanoseconds that the line will take for them."""

    packets: int = 0
    size: int = 0
    time: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """The most that waits for a line, in any of these; None: any number. What is on the line does not wait. Raises
    `ValueError`.
    """

    packets: int | None = None
    size: int | None = None
    """Bytes of whole IP packets."""
    time: int | None = None
    """Nanoseconds that the packet itself would wait."""

    def __post_init__(self) -> None:
        for name, value in (("packets", self.packets), ("size", self.size), ("time", self.time)):
            if value is not None:
                check_amount(f"the {name} of a queue", value)

    def takes(self, size: int, backlog: Backlog, wait: int) -> bool:
        """Whether a packet of `size` bytes, which would wait so long behind this backlog, finds room."""
        return (
            (self.packets is None or backlog.packets < self.packets)
            and (self.size is None or backlog.size + size <= self.size)
            and (self.time is None or wait <= self.time)
        )


class Discipline(Protocol):
    """Manages a queue. `backlog` is in both calls what waits without the packet itself; `now` never falls."""

    def on_arrival(self, size: int, backlog: Backlog, now: int) -> Verdict:
        """A packet of `size` bytes comes to the end of the queue."""

    def on_departure(self, sojourn: int, backlog: Backlog, now: int) -> Verdict:
        """The packet at its head, which has waited for `sojourn`, is to go on the line. After one that does not, the
        next is asked about at once.
        """


class Management(Protocol):
    """The settings of a discipline."""

    @property
    def ecn(self) -> bool:
        """Whether it marks where it can, instead of dropping (RFC 3168)."""

    def start(self, rate: int, generator: Random) -> Discipline:
        """An empty queue before a line of `rate` bits per second."""
