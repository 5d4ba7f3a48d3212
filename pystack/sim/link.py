"""A cable between two simulated hosts."""

from collections.abc import Iterable
from functools import partial
from typing import Final

from pystack.link.counts import Counts
from pystack.link.crossing import Fault
from pystack.link.entropy import stream
from pystack.link.impair import Impairments
from pystack.link.path import Path
from pystack.sim.clock import Clock
from pystack.sim.node import Node
from pystack.wire.packet import Packet

PERFECT: Final = Impairments()
"""Instant, and nothing is ever lost."""
_LARGEST: Final = 0xFFFF


class Link:
    """A cable between two hosts: `path` with `forward` impairments from the first end to the second, and `back`. Of its
    `faults` it has a list, which may be changed at any time.
    """

    def __init__(
        self,
        seed: int,
        clock: Clock,
        ends: tuple[Node, Node],
        forward: Impairments = PERFECT,
        back: Impairments = PERFECT,
        faults: Iterable[Fault] = (),
    ) -> None:
        self.ends = ends
        names = [end.name for end in ends]
        streams = [partial(stream, seed, *names, "from", name) for name in names]
        self.path = Path(forward, back, (streams[0], streams[1]), faults)
        self.faults = self.path.faults
        self._clock = clock
        self._due: int | None = None
        self._alarm = 0
        """The clock's number for `_due`, when the path is next to be looked at."""

    @property
    def forward(self) -> Counts:
        """What became of the packets from the first end to the second."""
        return self.path.forward.counts

    @property
    def back(self) -> Counts:
        """What became of the packets from the second end to the first."""
        return self.path.back.counts

    @property
    def total(self) -> Counts:
        """What became of the packets of both directions."""
        return self.forward + self.back

    @property
    def mtu(self) -> int:
        """Bytes of the largest packet that gets through in both directions."""
        return min(self.path.forward.mtu or _LARGEST, self.path.back.mtu or _LARGEST)

    def other(self, node: Node) -> Node:
        """The node at the other end."""
        a, b = self.ends
        return b if node is a else a

    def cut(self) -> None:
        """From now on nothing gets through; what is under way still arrives."""
        self.path.cut()

    def heal(self) -> None:
        """Ends a `cut`."""
        self.path.heal()

    def send(self, node: Node, packet: Packet | bytes) -> None:
        """Takes a packet from one end to the other, or not; a super-segment as its wire packets."""
        whole = packet if isinstance(packet, Packet) else Packet((packet,))
        self.path.put(whole, node is self.ends[1], self._clock.now)
        self._set_alarm()

    def _set_alarm(self) -> None:
        due = self.path.next_due
        if due == self._due:
            return
        self._clock.withdraw(self._alarm)
        self._due = due
        if due is not None:
            self._alarm = self._clock.call_at(due, self._deliver)

    def _deliver(self) -> None:
        self._due = None
        for packet, is_back in list(self.path.due(self._clock.now)):  # what is sent in answer comes after
            self.ends[0 if is_back else 1].receive(packet)
        self._set_alarm()
