"""A path between two ends: what faults do to chosen packets, then what impairments do to all of them.

    path = Path(forward, back, streams)
    path.put(packet, is_back=False, now=now)
    while (now := path.next_due) is not None:
        for packet, is_back in path.due(now):
            ...

Simulated links and impaired devices are both such a path. *Forward* is from the first end to the second: of a device,
from the stack to the network.
"""

from collections.abc import Iterable, Iterator
from itertools import count

from pystack.link.crossing import Crossing, Fault
from pystack.link.impair import Impairments
from pystack.link.offload import split
from pystack.link.passage import Streams
from pystack.link.way import Way
from pystack.wire.packet import Packet


class Path:
    """`forward` and `back` are its two directions, `faults` what is done to packets before, one after the other: a list
    that may be changed at any time. `streams` are the random numbers of each direction, forward and back; `most` is for
    each of them (`Way`).

    Sans-IO, and pulled: the time given never falls.
    """

    def __init__(
        self,
        forward: Impairments,
        back: Impairments,
        streams: tuple[Streams, Streams],
        faults: Iterable[Fault] = (),
        most: int | None = None,
    ) -> None:
        serials = count()
        self.forward = Way(forward, streams[0], most, serials)
        self.back = Way(back, streams[1], most, serials)
        self.faults = list(faults)

    @property
    def next_due(self) -> int | None:
        """When to call `due` (see `Way.next_due`); None: nothing is under way."""
        return min((at for way in (self.forward, self.back) if (at := way.next_due) is not None), default=None)

    def put(self, packet: Packet, is_back: bool, now: int) -> None:
        """A packet goes in at one end; of a super-segment its wire packets, one after the other."""
        for data in split(packet):
            crossings = [Crossing(data, is_back)]
            for fault in self.faults:
                crossings = [outcome for each in crossings for outcome in fault.cross(each, now)]
            for each in crossings:
                (self.back if each.is_back else self.forward).put(each.packet, now, each.late)

    def due(self, now: float) -> Iterator[tuple[bytes, bool]]:
        """Takes the packets that have come through at `now`, in their order, and whether each came back."""
        while True:
            ranks = [(rank, way) for way in (self.forward, self.back) if (rank := way.rank(now)) is not None]
            if not ranks:
                return
            _, way = min(ranks, key=lambda each: each[0])
            yield way.pop(), way is self.back

    def cut(self) -> None:
        """From now on nothing gets on it; what is under way still arrives."""
        self.forward.is_cut = self.back.is_cut = True

    def heal(self) -> None:
        """Ends a `cut`."""
        self.forward.is_cut = self.back.is_cut = False
