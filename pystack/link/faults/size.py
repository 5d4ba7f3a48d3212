"""Faults of what is too large or too small: packets that are too large vanish, and segments are cut or put together."""

from collections.abc import Iterable

from pystack.link.crossing import Crossing
from pystack.link.faults.carried import Carried
from pystack.link.faults.flows import Directed, Direction, Flow, TcpFault
from pystack.link.offload import split
from pystack.wire.packet import Packet
from pystack.wire.tcp import RST, SYN, URG


class BlackHole(Directed):
    """Loses every IP packet of more than `size` bytes without a word: a path whose MTU is smaller, and whose ICMP
    messages somebody filters (RFC 2923 section 2.1). A TCP that only listens to those sends the same segment again
    until it gives up; its SYNs and small segments get through.

    Example: `BlackHole(1400, direction="out")`; `out:black-hole=1400B`.
    """

    def __init__(self, size: int, *, direction: Direction = "both") -> None:
        super().__init__(direction)
        if size < 0:
            raise ValueError(f"no packet has {size} bytes")
        self._size = size

    def cross(self, crossing: Crossing, now: int) -> Iterable[Crossing]:
        is_lost = self.concerns(crossing.is_back) and len(crossing.packet) > self._size
        return () if is_lost else (crossing,)


class Split(TcpFault):
    """Cuts each segment with more than `size` bytes of text into several, but for SYNs and urgent ones. A TCP takes
    them as what they are (it is a stream of bytes), and acknowledges at least every second full-sized one.

    Example: `Split(100)`; `split=100B`.
    """

    def __init__(self, size: int, *, direction: Direction = "both") -> None:
        super().__init__(direction)
        if size < 1:
            raise ValueError(f"a segment of text has at least 1 byte, and {size} is less")
        self._size = size

    def meet(self, crossing: Crossing, carried: Carried, flow: Flow) -> Iterable[Crossing]:
        if carried.seg.flags & (SYN | URG):
            return (crossing,)
        return [crossing._replace(packet=p) for p in split(Packet((crossing.packet,), gso_size=self._size))]


class Merge(TcpFault):
    """Puts the text of the segment before it in front of each segment that continues it, as long as both have at most
    `size` bytes: segments overlap, as when a TCP packs anew what it sends again. Nothing is held back, since nothing
    would say for how long: the one before has gone already. A TCP trims what it has (RFC 9293 section 3.10.7.4) and
    takes the rest.

    Example: `Merge(2000)`; `merge=2kB`.
    """

    def __init__(self, size: int, *, direction: Direction = "both") -> None:
        super().__init__(direction)
        if size < 2:
            raise ValueError(f"two segments have at least 2 bytes of text, and {size} is less")
        self._size = size

    def meet(self, crossing: Crossing, carried: Carried, flow: Flow) -> Iterable[Crossing]:
        half = flow.halves[crossing.is_back]
        seg, text, before = carried.seg, carried.text, half.kept
        if not text or seg.flags & (SYN | RST | URG):
            return (crossing,)
        half.kept = seg.seq, text
        if before is None or seg.seq != (before[0] + len(before[1])) & 0xFFFFFFFF or len(before[1] + text) > self._size:
            return (crossing,)
        seg.seq, carried.text = before[0], before[1] + text
        return (crossing._replace(packet=carried.pack()),)
