"""Is every packet right that a stack has sent? An account that shares no code with the stack, and trusts no dissector.

tshark says "malformed" of an ICMP error whose *quote* is, and "ACKed unseen segment" where it has taken a forged SYN
for a new connection. Whoever wants to excuse the one or the other has to show that our part is right; here it is shown
of every packet: lengths and checksums hold, each ICMP error is of a kind that we send and quotes exactly the beginning
of a packet that had come from the host it goes to, and each ACK is one of what had come.
"""

import struct
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from capture_acks import FIN, SYN, Peer, Segment
from capture_frames import ICMP, ICMPV6, TCP, UDP, Frame, Ip, Unreadable, is_sound, pseudo, read

ERRORS = {
    ICMP: {(3, 2), (3, 3), (11, 1), (12, 0)},
    ICMPV6: {(1, 4), (3, 1), (4, 0), (4, 1), (4, 2), (4, 3)},
}
"""Types and codes of the errors that a host sends of its own."""
ECHO = {ICMP: (8, 0), ICMPV6: (128, 129)}
"""Types of a request and its reply."""
MOST = {ICMP: 576, ICMPV6: 1280}
"""Bytes of an error in all (RFC 1812 section 4.3.2.3; RFC 4443 section 2.4 (c))."""
TTL = 64
OPTION_SIZES = {2: {4}, 3: {3}, 4: {2}, 5: {10, 18, 26, 34}, 8: {10}}
"""TCP options that may be there."""


class Fault(NamedTuple):
    """What is wrong with a frame."""

    number: int
    what: str


def faults(frames: Iterable[Frame], own: Iterable[bytes]) -> list[Fault]:
    """What is wrong with the packets that a stack with the `own` addresses has sent, in the order of the capture."""
    audit = Audit(own)
    found = [Fault(frame.number, what) for frame in frames for what in audit.passes(frame.data, frame.ours)]
    return found + [Fault(0, f"of {key} some fragments only") for key in audit.unfinished]


class Audit:
    """Looks at packet after packet, of both directions."""

    def __init__(self, own: Iterable[bytes]) -> None:
        self._own = frozenset(own)
        self._arrived: dict[bytes, list[bytes]] = defaultdict(list)
        """All packets that have come, by their first 20 bytes, which every quote has."""
        self._requests: set[bytes] = set()
        self._peers: dict[bytes, Peer] = defaultdict(Peer)
        self.unfinished: dict[tuple[bytes, bytes, int], bytes] = {}
        """Our datagrams that are sent in fragments, as far as they have been, by destination, source and number."""

    def passes(self, data: bytes, ours: bool) -> Iterator[str]:
        """What is wrong with a packet, if it is ours."""
        if not ours:
            self._arrives(data)
            return
        try:
            ip = read(data)
        except Unreadable:
            yield "unreadable"
            return
        yield from self._header(data, ip)
        whole = self._assembled(ip)
        if isinstance(whole, str):
            yield whole
        elif whole is not None:
            yield from self._transport(data, whole)

    def _arrives(self, data: bytes) -> None:
        self._arrived[data[:20]].append(data)
        try:
            ip = read(data)
        except Unreadable:
            return
        if ip.piece is not None or ip.dst not in self._own:
            return
        if ip.protocol in ECHO and ip.payload[:1] == bytes((ECHO[ip.protocol][0],)):
            self._requests.add(ip.src + ip.payload[4:])
        if ip.protocol == TCP and is_sound(pseudo(ip) + ip.payload):
            segment = segment_of(ip.payload)
            if segment is not None:
                self._peers[ip.src + ip.dst + ip.payload[:4]].sends(segment)

    # Our IP headers

    def _header(self, data: bytes, ip: Ip) -> Iterator[str]:
        if ip.src not in self._own:
            yield "from an address that is not the stack's"
        if len(ip.src) == 4:
            size, length, ttl = (data[0] & 15) * 4, int.from_bytes(data[2:4], "big"), data[8]
            if size != 20 or data[6] & 0x80:
                yield "an IPv4 header with options, or a reserved bit"
        else:
            length, ttl = 40 + int.from_bytes(data[4:6], "big"), data[7]
        if length != len(data):
            yield f"a packet of {len(data)} bytes says that it has {length}"
        if ttl != TTL:
            yield f"a TTL or hop limit of {ttl}"

    def _assembled(self, ip: Ip) -> Ip | str | None:
        """The datagram that is whole with this packet; None while pieces are to come, which they do in order."""
        if ip.piece is None:
            return ip
        offset, more, identification = ip.piece
        key = (ip.dst, ip.src, identification)
        before = self.unfinished.pop(key, b"")
        if len(before) != offset or (more and len(ip.payload) % 8):
            return f"a fragment at {offset}, after {len(before)} bytes"
        if more:
            self.unfinished[key] = before + ip.payload
            return None
        return ip._replace(payload=before + ip.payload, piece=None)

    # Our transports

    def _transport(self, data: bytes, ip: Ip) -> Iterator[str]:
        payload = ip.payload
        if not is_sound(payload if ip.protocol == ICMP else pseudo(ip) + payload):
            yield "a bad checksum"
        if ip.protocol == TCP:
            yield from self._tcp(ip)
        elif ip.protocol == UDP:
            if len(payload) < 8 or int.from_bytes(payload[4:6], "big") != len(payload) or payload[6:8] == bytes(2):
                yield "a bad length, or no checksum, of UDP"
        elif ip.protocol == (ICMP if len(ip.src) == 4 else ICMPV6) and len(payload) >= 8:
            yield from self._icmp(data, ip)
        else:
            yield f"a packet of protocol {ip.protocol}, with {len(payload)} bytes"

    def _tcp(self, ip: Ip) -> Iterator[str]:
        head = ip.payload
        segment = segment_of(head)
        if segment is None:
            yield "a bad TCP header"
            return
        if head[12] & 15 or (head[18:20] != bytes(2) and not segment.flags & 0x20):
            yield "reserved bits, or an urgent pointer without URG"
        if not options_are_sound(head[20 : (head[12] >> 4) * 4]):
            yield "bad TCP options"
        yield from self._peers[ip.dst + ip.src + head[2:4] + head[:2]].is_answered(segment)

    def _icmp(self, data: bytes, ip: Ip) -> Iterator[str]:
        kind, code, _, rest = struct.unpack_from("!BBHI", ip.payload)
        if (kind, code) == (ECHO[ip.protocol][1], 0):
            if ip.dst + ip.payload[4:] not in self._requests:
                yield "an echo reply that nobody has asked for"
        elif (kind, code) in ERRORS[ip.protocol]:
            yield from self._error(data, ip, kind, code, rest)
        else:
            yield f"ICMP of type {kind}, code {code}"

    def _error(self, data: bytes, ip: Ip, kind: int, code: int, rest: int) -> Iterator[str]:
        quote = ip.payload[8:]
        about = next((p for p in self._arrived.get(quote[:20], ()) if p.startswith(quote)), None)
        if about is None:
            yield "an ICMP error that quotes what has not arrived"
            return
        if ip.protocol == ICMP:
            src, length, header = about[12:16], int.from_bytes(about[2:4], "big"), 20
            pointer = rest >> 24 if kind == 12 and not rest & 0xFFFFFF else None
            if data[1] != about[1] & 0x1E | 0xC0 or data[4:8] != b"\0\0\x40\0":
                yield "an ICMP error with another TOS, identification or flags"
        else:
            src, length, header = about[8:24], 40 + int.from_bytes(about[4:6], "big"), 40
            pointer = rest if kind == 4 else None
            if data[:4] != b"\x60\0\0\0":
                yield "an ICMP error with a traffic class or flow label"
        if src != ip.dst:
            yield "an ICMP error to somebody else"
        if (ip.protocol, kind) in ((ICMP, 3), (ICMPV6, 1)) and (read(about).protocol == UDP) != (code in (3, 4)):
            yield f"a code of {code} for a packet of that protocol"
        if len(quote) != min(length, len(about), MOST[ip.protocol] - header - 8):
            yield f"an ICMP error that quotes {len(quote)} bytes"
        if rest != 0 if pointer is None else pointer >= length:
            yield f"an ICMP error with {rest:#x} in its second word"


def segment_of(head: bytes) -> Segment | None:
    """The numbers of a TCP header."""
    if len(head) < 20 or not 20 <= (size := (head[12] >> 4) * 4) <= len(head):
        return None
    seq, ack, _, flags = struct.unpack_from("!IIBB", head, 4)
    return Segment(seq, ack, flags, len(head) - size + bool(flags & SYN) + bool(flags & FIN))


def options_are_sound(options: bytes) -> bool:
    """Whether they are whole, of the kinds and lengths that there are."""
    at = 0
    while at < len(options):
        if options[at] <= 1:
            at += 1
            continue
        size = options[at + 1] if at + 1 < len(options) else 0
        if size not in OPTION_SIZES.get(options[at], ()):
            return False
        at += size
    return at == len(options)
