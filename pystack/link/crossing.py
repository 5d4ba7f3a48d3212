"""What crosses a path between two ends, and what may be done to it on the way."""

from collections.abc import Iterable
from typing import NamedTuple, Protocol


class Crossing(NamedTuple):
    """One wire packet on its way across a path.

    The path's *forward* direction is from its first end to its second: of a device, from the stack to the network.
    """

    packet: bytes
    is_back: bool
    """Whether it goes from the second end to the first: of a device, to the stack."""
    late: int = 0
    """Nanoseconds for which it is held up, beyond what the path itself takes."""


class Fault(Protocol):
    """Something that is done to chosen packets of a path. Sans-IO; one object serves both directions of one path."""

    def cross(self, crossing: Crossing, now: int) -> Iterable[Crossing]:
        """What crosses instead of a packet that goes in at `now`, which never falls: itself, as it is or changed,
        nothing, or several packets, in either direction.
        """
