"""Faults of chosen segments: the n-th SYN, FIN, pure ACK, segment of text … of each connection."""

from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from pystack.link.crossing import Crossing
from pystack.link.faults.carried import Carried, without_options
from pystack.link.faults.flows import Direction, Flow, TcpFault
from pystack.wire.options import SACK
from pystack.wire.tcp import ACK, FIN, RST, SYN, Segment

KINDS: Final[Mapping[str, Callable[[Segment, Flow], bool]]] = {
    "syn": lambda seg, flow: seg.flags & SYN > 0,
    "fin": lambda seg, flow: seg.flags & FIN > 0,
    "rst": lambda seg, flow: seg.flags & RST > 0,
    "ack": lambda seg, flow: seg.flags & (SYN | FIN | RST | ACK) == ACK and not seg.size,
    "data": lambda seg, flow: seg.size > 0,
    "resent": lambda seg, flow: flow.is_again,
    "any": lambda seg, flow: True,
}
"""The kinds of segments that can be chosen. A SYN-ACK is a SYN too; an `ack` is a pure one, with neither text nor FIN;
what is `resent` takes sequence numbers, of which the first has passed before."""


class Chosen(TcpFault):
    """Befalls the `nth` segment of a `kind` (one of `KINDS`) of each connection, counted from 1 in the order in which
    they cross, those that are sent again too; without `nth`, each of the kind. A `direction` of both counts them
    together. Raises `ValueError` for a kind or number that there is not.
    """

    def __init__(self, kind: str, nth: int | None = None, *, direction: Direction = "both") -> None:
        super().__init__(direction)
        if kind not in KINDS:
            raise ValueError(f"there are no segments of the kind {kind!r}; there are {', '.join(KINDS)}")
        if nth is not None and nth < 1:
            raise ValueError(f"segments are counted from 1, and {nth} is less")
        self._is_one = KINDS[kind]
        self._nth = nth

    def meet(self, crossing: Crossing, carried: Carried, flow: Flow) -> Iterable[Crossing]:
        if not self._is_one(carried.seg, flow):
            return (crossing,)
        flow.counted += 1
        return self.befall(crossing, carried, flow) if self._nth in (None, flow.counted) else (crossing,)

    @abstractmethod
    def befall(self, crossing: Crossing, carried: Carried, flow: Flow) -> Iterable[Crossing]:
        """What crosses instead of a segment that was chosen."""


class Drop(Chosen):
    """Loses the segment. A TCP sends it again: text and FIN when three duplicate ACKs or SACK tell (RFC 5681, RFC
    6675), or at its RTO (RFC 6298), a SYN after a second. A lost ACK is made good by the next. With `resent` nothing
    that was lost elsewhere ever arrives, and the sender gives up after R2 (RFC 9293 section 3.8.3).

    Example: `Drop("syn", 1)`; `drop=syn#1`.
    """

    def befall(self, crossing: Crossing, carried: Carried, flow: Flow) -> Iterable[Crossing]:
        return ()


class Delay(Chosen):
    """Holds the segment up by `time` nanoseconds, and no other. A TCP takes it for lost and sends it again; of the copy
    that comes late the receiver says so (a duplicate ACK, D-SACK: RFC 2883).

    Example: `Delay("data", 3, time=2_000_000_000)`; `delay=data#3/2s`.
    """

    def __init__(self, kind: str, nth: int | None = None, *, time: int, direction: Direction = "both") -> None:
        super().__init__(kind, nth, direction=direction)
        if time < 0:
            raise ValueError(f"a delay is not negative, as {time} is")
        self._time = time

    def befall(self, crossing: Crossing, carried: Carried, flow: Flow) -> Iterable[Crossing]:
        return (crossing._replace(late=crossing.late + self._time),)


class Duplicate(Chosen):
    """Has the segment arrive twice. A TCP takes it once, and answers the copy by an ACK (RFC 9293 section 3.10.7.4),
    with D-SACK where it carried text (RFC 2883).

    Example: `Duplicate("data", 1)`; `dup=data#1`.
    """

    def befall(self, crossing: Crossing, carried: Carried, flow: Flow) -> Iterable[Crossing]:
        return crossing, crossing


class CorruptText(Chosen):
    """Flips every bit of the first byte of the segment's text, and sets the checksum right, as a faulty router between
    its checksums does: no TCP can notice. Only what the application checks itself saves it.

    Example: `CorruptText("data", 2)`; `corrupt=data#2`.
    """

    def befall(self, crossing: Crossing, carried: Carried, flow: Flow) -> Iterable[Crossing]:
        if carried.text:
            carried.text = bytes((carried.text[0] ^ 0xFF,)) + carried.text[1:]
        return (crossing._replace(packet=carried.pack()),)


class AckUnsent(Chosen):
    """Has the segment acknowledge what was never sent: `by` bytes beyond all that has passed in the other direction. A
    TCP drops it and answers by an ACK (RFC 9293 section 3.10.7.4), or, where it is the answer to its SYN, by a RST.

    Example: `AckUnsent("ack", 1, by=1000)`; `ack-unsent=ack#1/1kB`.
    """

    def __init__(self, kind: str, nth: int | None = None, *, by: int, direction: Direction = "both") -> None:
        super().__init__(kind, nth, direction=direction)
        if not 1 <= by < 1 << 31:
            raise ValueError(f"{by} bytes beyond is no number that can be told: give from 1 to {(1 << 31) - 1}")
        self._by = by

    def befall(self, crossing: Crossing, carried: Carried, flow: Flow) -> Iterable[Crossing]:
        return (_acknowledging_all(crossing, carried, flow, self._by),)


class AckUnreceived(Chosen):
    """Has the segment acknowledge all that has passed in the other direction, arrived or not, and takes its SACK blocks
    away. So a loss behind this fault (a later fault of the list, or the path's) is hidden from the sender, as by
    an optimistic receiver. A TCP cannot notice: the sender forgets what it sent, and the receiver waits for it, for
    ever where nobody has a time-out or keep-alive.

    Example: `AckUnreceived("any", direction="in")` before `Drop("data", 2, direction="out")`;
    `in:ack-unreceived=any;out:drop=data#2`.
    """

    def befall(self, crossing: Crossing, carried: Carried, flow: Flow) -> Iterable[Crossing]:
        carried.options = without_options(carried.options, (SACK,))
        return (_acknowledging_all(crossing, carried, flow, 0),)


def _acknowledging_all(crossing: Crossing, carried: Carried, flow: Flow, beyond: int) -> Crossing:
    """An acknowledgement, if it is one, of all that has passed in the other direction and so many bytes beyond."""
    other = flow.halves[not crossing.is_back]
    if not carried.seg.flags & ACK or other.base is None:
        return crossing
    carried.seg.ack = other.furthest + beyond
    return crossing._replace(packet=carried.pack())
