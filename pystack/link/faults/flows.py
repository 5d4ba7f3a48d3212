"""What somebody on the path knows of the TCP connections that pass, and what every fault of them is made of."""

from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Iterable
from typing import Final, Literal, TypeAlias

from pystack.link.crossing import Crossing
from pystack.link.faults.carried import Carried, read
from pystack.tcp.seq import unwrap
from pystack.wire.tcp import ACK, RST, SYN, Segment

Direction: TypeAlias = Literal["in", "out", "both"]
"""`in`: what comes to the stack, of a link what its first end receives. `out`: what the stack, or the first end,
sends."""

FLOWS: Final = 4096
"""So many connections a fault remembers. Of more, the one that has been silent the longest is forgotten, and begins
anew if it is heard of again."""

_MASK: Final = 0xFFFFFFFF
_MAX_SHIFT: Final = 14
"""RFC 7323 section 2.3."""


class Half:
    """One direction of a connection, as its packets show it.

    `base` is the number of the first byte of text (None before the first packet; where the SYN was not seen, what came
    first), `furthest` what follows everything that has been seen; both without the wrap. `wscale` is the SYN's shift
    count, None without the option. `kept` is for `Merge`: the number and the text of the segment that had text last.
    """

    __slots__ = ("base", "furthest", "kept", "wscale")

    def __init__(self) -> None:
        self.base: int | None = None
        self.furthest = 0
        self.wscale: int | None = None
        self.kept: tuple[int, bytes] | None = None

    def offset(self, number: int) -> int:
        """Where a number of the wire is in the text: 0 for its first byte, and where nothing has been seen."""
        return 0 if self.base is None else unwrap(number, self.furthest) - self.base

    def see(self, seg: Segment) -> bool:
        """A segment passes. Returns whether it, or its beginning, has been seen before: it is sent again. What a RST
        says is not believed.
        """
        if seg.flags & RST:
            return False
        if self.base is None:
            self.base = seg.seq + (seg.flags & SYN > 0)
            self.furthest = seg.seq
        if seg.flags & SYN:
            self.wscale = seg.options.wscale
        begins = unwrap(seg.seq, self.furthest)
        is_again = seg.len > 0 and begins < self.furthest
        self.furthest = max(self.furthest, begins + seg.len)
        return is_again


class Flow:
    """One connection: its `out` half and its `in` half, and whether the segment that crosses now `is_again` there.

    How many segments have `counted`, and what `over` means, is the fault's own affair.
    """

    __slots__ = ("counted", "halves", "is_again", "over")

    def __init__(self) -> None:
        self.halves = Half(), Half()
        self.is_again = False
        self.counted = 0
        self.over = False

    def shift(self, is_back: bool) -> int:
        """The shift count of the windows in one direction (RFC 7323 section 2.2: only where both SYNs had one)."""
        own, other = self.halves[is_back].wscale, self.halves[not is_back].wscale
        return 0 if own is None or other is None else min(own, _MAX_SHIFT)

    def is_replaced_by(self, seg: Segment, is_back: bool) -> bool:
        """Whether this SYN begins another connection between the same ports."""
        base = self.halves[is_back].base
        return seg.flags & (SYN | ACK) == SYN and base is not None and (seg.seq + 1 - base) & _MASK != 0


class Directed(ABC):
    """A fault of what goes in `direction`. Raises `ValueError` for a direction that there is not."""

    def __init__(self, direction: Direction = "both") -> None:
        if direction not in ("in", "out", "both"):
            raise ValueError(f"{direction!r} is no direction: there are in, out and both")
        self.direction = direction

    @abstractmethod
    def cross(self, crossing: Crossing, now: int) -> Iterable[Crossing]:
        """See `pystack.link.crossing.Fault`."""

    def concerns(self, is_back: bool) -> bool:
        """Whether what goes in this direction is looked at; what goes in the other is at most followed."""
        return self.direction == "both" or (self.direction == "in") == is_back


class TcpFault(Directed):
    """Does something to TCP segments that go in `direction`; all else passes as it is. It follows each connection for
    itself, at most `FLOWS` of them.
    """

    def __init__(self, direction: Direction = "both") -> None:
        super().__init__(direction)
        self._flows: OrderedDict[tuple[bytes, int, bytes, int], Flow] = OrderedDict()

    def cross(self, crossing: Crossing, now: int) -> Iterable[Crossing]:
        carried = read(crossing.packet)
        if carried is None:
            return (crossing,)
        flow = self._flow(carried, crossing.is_back)
        flow.is_again = flow.halves[crossing.is_back].see(carried.seg)
        return self.meet(crossing, carried, flow) if self.concerns(crossing.is_back) else (crossing,)

    @abstractmethod
    def meet(self, crossing: Crossing, carried: Carried, flow: Flow) -> Iterable[Crossing]:
        """What crosses instead of `carried`, which may be changed, and goes in a direction that the fault concerns."""

    def _flow(self, carried: Carried, is_back: bool) -> Flow:
        ends = carried.src, carried.seg.src_port, carried.dst, carried.seg.dst_port
        key = ends[2:] + ends[:2] if is_back else ends
        flow = self._flows.pop(key, None)
        if flow is None or flow.is_replaced_by(carried.seg, is_back):
            flow = Flow()
        self._flows[key] = flow
        if len(self._flows) > FLOWS:
            self._flows.popitem(last=False)
        return flow
