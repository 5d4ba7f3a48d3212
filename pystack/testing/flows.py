"""The numbers of a TCP flow as they are now, from the peer's side, so that a script needs to write only those that it
is about.
"""

from ipaddress import ip_address
from typing import Any, NamedTuple

from pystack.testing import glue

_MASK = 0xFFFFFFFF
_MS = 1_000_000


class Ends(NamedTuple):
    """Addresses (as text, in the standard form) and ports of a flow; `peer` is the script's side."""

    host: str
    host_port: int
    peer: str
    peer_port: int


class Flow:
    """`iss` and `nxt` are the peer's own initial number and the next that it will use, `irs` and `rcv` the host's
    initial number and the next that the peer has not been given yet (None before its SYN), all as on the wire. `ecr` is
    the latest timestamp of the host.
    """

    __slots__ = ("_ours", "_proposed", "_theirs", "ecr", "ends", "irs", "iss", "nxt", "rcv")

    def __init__(self, ends: Ends, iss: int) -> None:
        self.ends = ends
        self.iss = iss
        self.nxt = iss
        self.irs: int | None = None
        self.rcv: int | None = None
        self.ecr = 0
        self._ours = self._theirs = False
        self._proposed: int | None = None
        """The number of a later SYN of the peer, which counts only when the host has answered it with its own."""

    @property
    def timestamps(self) -> bool:
        """Whether both SYNs had the option, so that every segment has it (RFC 7323 section 3.2)."""
        return self._ours and self._theirs

    def fill(self, tcp: Any, now: int) -> None:
        """Writes what the script has left out of a segment that it sends at `now`."""
        fields = tcp.fields
        flags = int(tcp.flags)
        if "seq" not in fields:
            tcp.seq = self.nxt
        if "ack" not in fields and flags & 0x10 and self.rcv is not None:
            tcp.ack = self.rcv
        if "window" not in fields:
            tcp.window = 0xFFFF
        if not fields.get("options") and self.timestamps and not flags & 0x04:
            tcp.options = [("NOP", None), ("NOP", None), ("Timestamp", (now // _MS & _MASK, self.ecr))]

    def on_sent(self, tcp: Any) -> None:
        """The peer has sent a segment."""
        flags = int(tcp.flags)
        if flags & 0x02:
            if self.irs is not None and self.nxt != self.iss:
                self._proposed = tcp.seq
                return
            self.iss = self.nxt = tcp.seq
            self._ours = _timestamp(tcp) is not None
        self.nxt = _later(self.nxt, tcp.seq + _length(tcp))

    def on_taken(self, tcp: Any) -> None:
        """The script has taken a segment of the host."""
        flags = int(tcp.flags)
        stamp = _timestamp(tcp)
        if flags & 0x02:
            if self._proposed is not None and tcp.ack == (self._proposed + 1) & _MASK:
                self.iss, self.nxt, self._proposed = self._proposed, tcp.ack, None
            self.irs = self.rcv = tcp.seq
            self._theirs = stamp is not None
        if stamp is not None:
            self.ecr = stamp[0]
        if self.rcv is not None and not flags & 0x04:
            self.rcv = _later(self.rcv, tcp.seq + _length(tcp))


def ends_of(packet: Any, *, from_host: bool) -> Ends | None:
    """The flow that a packet belongs to, None where it is no whole TCP segment."""
    known = glue.layers()
    tcp = glue.find(packet, known.tcp)
    ip = glue.find(packet, (known.ipv4, known.ipv6))
    if tcp is None or ip is None:
        return None
    src, dst = str(ip_address(ip.src)), str(ip_address(ip.dst))
    if from_host:
        return Ends(src, tcp.sport, dst, tcp.dport)
    return Ends(dst, tcp.dport, src, tcp.sport)


def _length(tcp: Any) -> int:
    flags = int(tcp.flags)
    return len(bytes(tcp.payload)) + (flags & 1) + (flags >> 1 & 1)


def _later(a: int, b: int) -> int:
    b &= _MASK
    return b if (b - a) & _MASK < 0x80000000 else a


def _timestamp(tcp: Any) -> tuple[int, int] | None:
    for option in tcp.options:
        if option[0] == "Timestamp":
            value: tuple[int, int] = option[1]
            return value
    return None
