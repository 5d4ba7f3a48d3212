"""What the peers of a fuzzed host say: packets that are right, and what is done to them afterwards.

A `Flow` is one connection as its peer sees it. All text, of both sides, is the same endless pattern, so that every byte
of a stream tells where it belongs. A `Mangler` makes IP packets of what flows say, and damages what it is told to.
"""

from collections.abc import Iterable
from typing import NamedTuple

import fuzz_packets as make

from pystack.tcp.seq import unwrap
from pystack.wire import ipv6_extensions, tcp
from pystack.wire.options import Options
from pystack.wire.tcp import ACK, FIN, RST, SYN, Segment

OURS = bytes((10, 0, 0, 2)), bytes.fromhex("fd00" + 27 * "0" + "2")
"""The host's addresses: IPv4, IPv6."""
THEIRS = bytes((10, 0, 0, 1)), bytes.fromhex("fd00" + 27 * "0" + "1")
PASSIVE_PORT, ACTIVE_PORT = 5000, 9000
"""The peer's port of flow 0 where the peer opens, and where the host does."""
HOST_PORT = 80
TIMESTAMPS, SACK, WSCALE, MSS = 1, 2, 4, 8
MS = 1_000_000
_MASK = 0xFFFFFFFF
_CYCLE = bytes(range(251)) * 280
"""A prime number of bytes, so that no shift by a segment or a power of two looks right."""


def text(offset: int, size: int) -> bytes:
    """The pattern of every stream, from `offset` on; at most 65536 bytes."""
    at = offset % 251
    return _CYCLE[at : at + size]


class Flow:
    """One connection of peer `index`, whose family is IPv6 where the number is odd. Numbers are unwrapped.

    - Of what it says: `snd_nxt` comes after all that was in order, `furthest` after all; `confirmed` the host has
      acknowledged, and `offered` is the right edge of the window that it offers.
    - Of what the host says: `seen` comes after all; `acked` was acknowledged, and `edge` is the furthest right edge of
      the windows that were offered.
    """

    def __init__(self, index: int, active: bool, host_port: int, iss: int) -> None:
        self.family = index & 1
        self.port = (ACTIVE_PORT if active else PASSIVE_PORT) + index
        self.host_port = host_port
        self.active = active
        self.iss = self.snd_nxt = self.furthest = self.confirmed = self.offered = iss
        self.irs = self.acked = self.seen = self.edge = 0
        self.window = 65535
        self.offers = self.host_offers = 0
        """The options of the two SYNs, as the bits of `opens`."""
        self.host_wscale = 0
        self._has_opened = False
        self.ts_recent = 0
        self.is_open = False
        """The host has sent a SYN."""
        self.tainted = False
        """Something untrue may have been said in its name."""

    @property
    def name(self) -> tuple[int, int, int]:
        """Family and ports."""
        return self.family, self.port, self.host_port

    @property
    def wscale(self) -> int:
        """The shift count of its windows."""
        return self.offers >> 4 & 7 if self.offers & self.host_offers & WSCALE else 0

    def hears(self, seg: Segment) -> None:
        """The host has sent a segment of this flow. Its text must be the pattern's."""
        if seg.flags & SYN and (not self.is_open or seg.seq != self.irs & _MASK):
            self.irs = self.acked = self.seen = self.edge = seg.seq
            self.confirmed = self.offered = self.iss
            self.is_open = True
            self.host_wscale = seg.options.wscale or 0
            self.host_offers = TIMESTAMPS * (seg.options.ts_val is not None) + WSCALE * (seg.options.wscale is not None)
        if seg.options.ts_val is not None:
            self.ts_recent = seg.options.ts_val
        if not self.is_open:
            return
        start = unwrap(seg.seq, self.seen)
        self.seen = max(self.seen, start + seg.len)
        if seg.size:
            offset = start - self.irs - 1 + (seg.flags & SYN == SYN)
            assert bytes(seg.payload) == text(offset, seg.size), f"what is sent at {offset} is not what was to be sent"
            assert self.tainted or start + seg.size <= self.edge + 1, "text beyond the window and its probe"
        if seg.flags & ACK and not seg.flags & RST and not self.tainted:
            self._is_confirmed(seg)

    def _is_confirmed(self, seg: Segment) -> None:
        """Only what was sent is acknowledged, and nothing is taken back, be it a window (RFC 9293 SHLD-14)."""
        ack = unwrap(seg.ack, self.furthest)
        assert self.confirmed <= ack <= self.furthest, f"{ack} acknowledged, after {self.confirmed}, of {self.furthest}"
        self.confirmed = ack
        assert all(unwrap(right, self.furthest) <= self.furthest for _, right in seg.options.sack), seg.options.sack
        if not seg.flags & SYN:
            scale = self.host_wscale if self.offers & self.host_offers & WSCALE else 0
            offered = ack + (seg.wnd << scale)
            assert offered >= self.offered, "the right edge of the window moves left"
            self.offered = offered

    def says(self, flags: int, now: int, *, size: int = 0, seq: int | None = None, ack: int | None = None) -> Segment:
        """A segment of this flow, with the text that belongs to its place: at `snd_nxt` unless `seq` says otherwise."""
        seq = self.snd_nxt if seq is None else seq
        ack = self.acked if ack is None else ack
        seg = Segment(seq & _MASK, ack & _MASK if flags & ACK else 0, flags, self.window)
        if size:
            seg.pieces, seg.size = (text(seq - self.iss - 1 + (flags & SYN == SYN), size),), size
        if self.offers & self.host_offers & TIMESTAMPS:
            seg.options = Options(ts_val=now // MS & _MASK, ts_ecr=self.ts_recent if flags & ACK else 0)
        if flags & ACK and self.is_open:
            self.acked = max(self.acked, min(ack, self.seen))
            self.edge = max(self.edge, ack + (self.window << (0 if flags & SYN else self.wscale)))
        self.furthest = max(self.furthest, seq + seg.len)
        if seq == self.snd_nxt and not flags & SYN:
            self.snd_nxt += size + (flags & FIN)
        return seg

    def opens(self, flags: int, kinds: int, now: int) -> Segment:
        """A SYN, with the options whose bits are in `kinds`. Bits 4 to 6 are a shift count, 6 and 7 choose the MSS."""
        self.tainted |= self._has_opened and self.offers != kinds  # who knows which of the SYNs the host believes
        self._has_opened, self.offers = True, kinds
        seg = self.says(flags | SYN, now, seq=self.iss)
        seg.options = Options(
            mss=(536, 1460, 88, 9000)[kinds >> 6 & 3] if kinds & MSS else None,
            wscale=kinds >> 4 & 7 if kinds & WSCALE else None,
            sack_permitted=bool(kinds & SACK),
            ts_val=now // MS & _MASK if kinds & TIMESTAMPS else None,
            ts_ecr=self.ts_recent if flags & ACK else 0,
        )
        self.snd_nxt = self.iss + 1
        return seg


class Change(NamedTuple):
    """What happens to the next packet: an instruction's name and its three operands."""

    name: str
    a: int
    b: int
    c: int


class Mangler:
    """Makes packets, to the host. `changes` are for the next one; `taints` is whether it lies, and about whom: "" about
    nobody, "flow" about its own flow, "all".
    """

    def __init__(self) -> None:
        self.changes: list[Change] = []
        self.taints = ""
        self._identification = 0

    def segment(self, flow: Flow, seg: Segment) -> list[bytes]:
        """The packets that carry a segment of `flow`."""
        head = tcp.build_header(seg, flow.port, flow.host_port)
        return self.packets(flow.family, tcp.PROTOCOL, head + b"".join(seg.pieces), tos=seg.ecn)

    def packets(self, family: int, protocol: int, transport: bytes, *, tos: int = 0) -> list[bytes]:
        """The packets that carry `transport`, whose checksum need not be there yet."""
        changes, self.changes, self.taints = self.changes, [], ""
        src, dst = THEIRS[family], OURS[family]
        for change in changes:
            if change.name in ("patch", "cut"):
                transport = self._changed(transport, change)
                self._taint("all" if change.name == "patch" and change.a < 4 else "flow")
        transport = make.filled(protocol, src, dst, transport)
        options = b""
        for change in changes:
            if change.name == "extension" and family:
                protocol, transport = _extended(protocol, transport, change)
            elif change.name == "extension":
                options = bytes((change.a, change.b & 15)) + bytes((change.c,)) * (max(change.b & 15, 2) - 2)
        pieces = [(0, False, transport)]
        for change in changes:
            if change.name == "fragments":
                pieces = list(self._fragments(transport, change))
        self._identification += 1
        made = [self._packet(family, protocol, piece, len(pieces) > 1, options, tos) for piece in pieces]
        for change in changes:
            if change.name == "patch_ip":
                self._taint("all")
                made = [self._patched(packet, change) for packet in made]
        return made

    def _packet(
        self, family: int, protocol: int, piece: tuple[int, bool, bytes], is_cut: bool, options: bytes, tos: int
    ) -> bytes:
        place, more, payload = piece
        src, dst = THEIRS[family], OURS[family]
        if not family:
            packet = make.ipv4(protocol, src, dst, payload, self._identification, place >> 3 | more << 13, options)
            return make.summed(packet[:1] + bytes((tos,)) + packet[2:]) if tos else packet
        if is_cut:
            payload = ipv6_extensions.build_fragment(protocol, place, more, self._identification) + payload
            protocol = ipv6_extensions.FRAGMENT
        packet = make.ipv6(protocol, src, dst, payload)
        return bytes((0x60 | tos >> 4, tos << 4 & 0xFF)) + packet[2:]

    def _taint(self, whom: str) -> None:
        if self.taints != "all":
            self.taints = whom

    @staticmethod
    def _changed(data: bytes, change: Change) -> bytes:
        """One byte is set, xored or added to; or the end is cut off or grows."""
        if change.name == "cut":
            return data[: change.a] if change.b & 1 else data + bytes((change.c,)) * change.a
        at = change.a % max(len(data), 1)
        old = data[at] if data else 0
        new = (change.b, old ^ change.b, old + change.b & 0xFF)[change.c % 3]
        return data[:at] + bytes((new,)) + data[at + 1 :]

    def _patched(self, packet: bytes, change: Change) -> bytes:
        """A byte of the IP header is another; its checksum, and for `c` of 128 and more all checksums, are right."""
        size = 40 if packet[0] >> 4 == 6 else 20
        packet = self._changed(packet[:size], change._replace(a=change.a % size)) + packet[size:]
        if change.c & 0x80:
            return make.summed(packet)
        if packet[0] >> 4 == 4:
            head = packet[:10] + bytes(2) + packet[12 : max(packet[0] & 15, 5) * 4]
            return head[:10] + make.finish(make.sum16(head)).to_bytes(2, "big") + head[12:] + packet[len(head) :]
        return packet

    def _fragments(self, data: bytes, change: Change) -> Iterable[tuple[int, bool, bytes]]:
        """Offset, whether more follows, and bytes. `b`: bit 0 the last first, 1 one twice, 2 one missing, 3 one longer
        than its place and 4 one with other bytes, which is a lie.
        """
        size = 8 * (1 + change.a % 64)
        pieces = [(at, at + size < len(data), data[at : at + size]) for at in range(0, len(data), size)][:64]
        if not pieces or pieces[-1][1]:
            return [(0, False, data)]
        which = change.c % len(pieces)
        at, more, piece = pieces[which]
        if change.b & 2:
            pieces.append(pieces[which])
        if change.b & 8:
            self._taint("all")
            pieces[which] = (at, more, piece + bytes(8))
        if change.b & 16:
            self._taint("all")
            pieces[which] = (at, more, bytes(len(piece)))
        if change.b & 4:
            del pieces[which]
        return reversed(pieces) if change.b & 1 else pieces


def _extended(protocol: int, payload: bytes, change: Change) -> tuple[int, bytes]:
    """With an IPv6 extension header in front, whose body is mostly padding."""
    kind = (0, 60, 43, 44, 60, 51, 59, 135)[change.a % 8]
    units = change.b & 3
    body = bytes((1, 4 + 8 * units)) + bytes(4 + 8 * units) if change.c < 0x80 else bytes((change.c,)) * (6 + 8 * units)
    return kind, bytes((protocol, units)) + body + payload
