"""Faults of middleboxes that take away what they do not know: TCP options, and ECN."""

from collections.abc import Collection, Iterable, Mapping
from typing import Final

from pystack.link.crossing import Crossing
from pystack.link.faults.carried import Carried, with_ipv4_checksum, without_options
from pystack.link.faults.flows import Directed, Direction, Flow, TcpFault
from pystack.wire.options import MSS, SACK, SACK_PERMITTED, TIMESTAMPS, WINDOW_SCALE
from pystack.wire.tcp import CWR, ECE

OPTIONS: Final[Mapping[str, Collection[int]]] = {
    "sack": (SACK_PERMITTED, SACK),
    "timestamps": (TIMESTAMPS,),
    "wscale": (WINDOW_SCALE,),
    "mss": (MSS,),
    "all": range(2, 256),
}
"""The options that can be taken away, and their kinds."""


class BleachOptions(TcpFault):
    """Takes options (one of `OPTIONS`) away from every segment: writes NOPs over them, or with `remove` makes the
    header shorter. A TCP does without: it hears of loss by duplicate ACKs alone, its windows end at 64 KiB, it measures
    one round trip at a time, and without an MSS it sends 536 bytes to IPv4 and 1220 to IPv6 (RFC 9293 MUST-15).

    Example: `BleachOptions("sack")`; `bleach=sack`, and with `remove`: `strip=sack`.
    """

    def __init__(self, options: str, *, remove: bool = False, direction: Direction = "both") -> None:
        super().__init__(direction)
        if options not in OPTIONS:
            raise ValueError(f"there are no options {options!r} to take away; there are {', '.join(OPTIONS)}")
        self._kinds = OPTIONS[options]
        self._remove = remove

    def meet(self, crossing: Crossing, carried: Carried, flow: Flow) -> Iterable[Crossing]:
        left = without_options(carried.options, self._kinds, leave_nops=not self._remove)
        if left == carried.options:
            return (crossing,)
        carried.options = left
        return (crossing._replace(packet=carried.pack()),)


class BleachEcn(Directed):
    """Sets the ECN field of every IP packet to Not-ECT (RFC 3168 section 5). A congested router then drops where it
    would have marked, and no TCP is worse off than without ECN; but where only CE goes lost, nobody slows down.

    Example: `BleachEcn()`; `bleach=ecn`.
    """

    def cross(self, crossing: Crossing, now: int) -> Iterable[Crossing]:
        if not self.concerns(crossing.is_back):
            return (crossing,)
        return (crossing._replace(packet=_not_ect(crossing.packet)),)


class BleachEce(TcpFault):
    """Clears ECE and CWR of every segment. A TCP whose SYN, or SYN-ACK, loses them goes on without ECN (RFC 3168
    section 6.1.1).

    Example: `BleachEce()`; `bleach=ece`.
    """

    def meet(self, crossing: Crossing, carried: Carried, flow: Flow) -> Iterable[Crossing]:
        if not carried.seg.flags & (ECE | CWR):
            return (crossing,)
        carried.seg.flags &= ~(ECE | CWR)
        return (crossing._replace(packet=carried.pack()),)


def _not_ect(packet: bytes) -> bytes:
    if len(packet) < 20 or packet[0] >> 4 not in (4, 6):
        return packet
    if packet[0] >> 4 == 6:
        return packet[:1] + bytes((packet[1] & 0xCF,)) + packet[2:]
    size = (packet[0] & 15) << 2
    return with_ipv4_checksum(packet[:1] + bytes((packet[1] & 0xFC,)) + packet[2:size]) + packet[size:]
