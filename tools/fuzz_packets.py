"""Random and damaged packets for `fuzz_live.py`: a stream that hangs on its seed, and on what it was shown of the wire.

Pure: bytes in, bytes out. What is sent is mostly *nearly* right, since what is plainly wrong is dropped at the first
look: checksums are computed anew, sequence numbers lie near the window of connections that live.
"""

import random
import struct
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from pystack.wire.checksum import finish, pseudo_sum, sum16

TCP, UDP, ICMP, ICMPV6, FRAGMENT = 6, 17, 1, 58, 44
CHECKSUM_AT = {TCP: 16, UDP: 6, ICMP: 2, ICMPV6: 2}
EXTENSIONS = (0, 43, 44, 50, 51, 59, 60, 135, 139)
MTU = 1500
MOST_TARGETS = 200
"""Connections that are aimed at: the last ones that the stack had something to say to."""
MOST_SAMPLES = 400


class Flow(NamedTuple):
    """A connection, as the last packet from the stack shows it: what the peer should send next."""

    peer: bytes
    own: bytes
    peer_port: int
    own_port: int
    seq: int
    ack: int
    timestamp: int


class Packets:
    """Draws packets for a stack that has the `own` addresses, from `peers` of the same networks (families by length).

    `ports` are those on which something listens; `learn` shows it real packets, to damage and to aim by.
    """

    def __init__(self, seed: int, own: list[bytes], peers: list[bytes], ports: list[int]) -> None:
        self._random = random.Random(seed)
        self._own = own
        self._peers = peers
        self._ports = ports
        self._flows: dict[bytes, Flow] = {}
        self._targets: deque[bytes] = deque(maxlen=MOST_TARGETS)
        self._samples: list[bytes] = []
        kinds: dict[Callable[[], bytes], int] = {
            self._noise: 4,
            self._damaged: 12,
            self._damaged_and_summed: 14,
            self._tcp_near: 30,
            self._tcp_anywhere: 10,
            self._udp: 8,
            self._icmp: 8,
            self._icmp_error: 12,
            self._fragment: 12,
            self._extended: 12,
        }
        self._kinds, self._weights = list(kinds), list(kinds.values())

    def learn(self, packet: bytes) -> None:
        """A packet of the wire: a sample to damage and, if it is the stack's and TCP's, news of a connection."""
        draw = self._random
        if len(self._samples) < MOST_SAMPLES:
            self._samples.append(packet)
        elif draw.random() < 0.05:
            self._samples[draw.randrange(MOST_SAMPLES)] = packet
        parts = parsed(packet)
        if parts is None or parts[0] != TCP or parts[1] not in self._own:
            return
        _, src, dst, segment = parts
        if len(segment) < 20:
            return
        own_port, peer_port, seq, ack, offset, flags = struct.unpack_from("!HHIIBB", segment)
        key = src + dst + segment[:4]
        if flags & 4:
            self._flows.pop(key, None)
            return
        text = len(segment) - (offset >> 4) * 4 + (flags & 1) + (flags >> 1 & 1)
        at = segment.find(b"\x08\x0a", 20, (offset >> 4) * 4)
        timestamp = int.from_bytes(segment[at + 2 : at + 6], "big") if at >= 0 else 0
        self._flows[key] = Flow(dst, src, peer_port, own_port, ack, seq + text & 0xFFFFFFFF, timestamp)
        self._targets.append(key)

    def resets(self) -> list[bytes]:
        """For every connection that has been seen, a reset that its peer could have sent: all peers go away."""
        found = []
        for flow in self._flows.values():
            head = struct.pack("!HHIIBBHHH", flow.peer_port, flow.own_port, flow.seq, 0, 5 << 4, 4, 0, 0, 0)
            found.append(self._packet(TCP, flow.peer, flow.own, head))
        self._flows.clear()
        return found

    def draw(self) -> bytes:
        """The next packet: 1 to 1500 bytes."""
        packet = self._random.choices(self._kinds, self._weights)[0]()
        return packet[:MTU] or b"\0"

    # What there is to draw

    def _noise(self) -> bytes:
        draw = self._random
        data = bytearray(draw.randbytes(draw.choice((1, 8, 19, 20, 21, 39, 40, 41, 60, 100, 576, 1500))))
        if draw.random() < 0.7:
            data[0] = draw.choice((0x45, 0x46, 0x4F, 0x40, 0x60, 0x6F))
        return bytes(data)

    def _damaged(self) -> bytes:
        draw = self._random
        if not self._samples:
            return self._noise()
        data = bytearray(draw.choice(self._samples))
        for _ in range(draw.choice((1, 1, 2, 3, 8))):
            # Mostly in the headers, where it matters.
            at = draw.randrange(len(data)) if draw.random() < 0.2 else draw.randrange(min(len(data), 80))
            data[at] = draw.choice((data[at] ^ 1 << draw.randrange(8), draw.randrange(256), 0, 0xFF))
        how = draw.random()
        if how < 0.1:
            del data[draw.randrange(1, len(data) + 1) :]
        elif how < 0.2:
            data += draw.randbytes(draw.randrange(1, 50))
        return bytes(data)

    def _damaged_and_summed(self) -> bytes:
        return summed(self._damaged())

    def _tcp_near(self) -> bytes:
        """A segment for a live connection, with numbers on and around its edges; sometimes just what it expects."""
        flow = self._flow()
        if flow is None:
            return self._tcp_anywhere()
        draw = self._random
        seq = flow.seq + draw.choice((0, 0, 0, 0, 1, -1, 5, 1000, 65535, -1000, 1 << 20, 1 << 31, draw.getrandbits(32)))
        ack = flow.ack + draw.choice((0, 0, 0, 0, 1, -1, -100, 1000, 1 << 16, 1 << 31, draw.getrandbits(32)))
        flags = draw.choice((0x10, 0x10, 0x10, 0x18, 0x18, 0x11, 0x02, 0x12, 0x04, 0x14, 0x38, draw.randrange(256)))
        segment = self._segment(flow.peer_port, flow.own_port, seq, ack, flags, self._options(flow))
        return self._packet(TCP, flow.peer, flow.own, segment)

    def _tcp_anywhere(self) -> bytes:
        draw = self._random
        peer, own = self._pair()
        flags = draw.choice((0x02, 0x02, 0x02, 0xC2, 0x10, 0x12, 0x04, 0x01, 0x29, 0, draw.randrange(256)))
        peer_port = draw.choice((0, 7, 80, draw.randrange(1024, 1100), draw.randrange(65536)))
        segment = self._segment(
            peer_port, self._port(), draw.getrandbits(32), draw.getrandbits(32), flags, self._options(None)
        )
        return self._packet(TCP, peer, own, segment)

    def _udp(self) -> bytes:
        draw = self._random
        peer, own = self._pair()
        data = self._text()
        length = len(data) + 8 if draw.random() < 0.9 else draw.randrange(65536)
        return self._packet(UDP, peer, own, struct.pack("!HHHH", draw.randrange(65536), self._port(), length, 0) + data)

    def _icmp(self) -> bytes:
        draw = self._random
        peer, own = self._pair()
        kind = draw.choice((8, 128, 0, 129, 13, 133, 134, 135, 136, 137, 143, 5, draw.randrange(256)))
        code = draw.choice((0, 0, 0, draw.randrange(256)))
        message = struct.pack("!BBHI", kind, code, 0, draw.getrandbits(32)) + self._text()
        return self._packet(ICMP if len(own) == 4 else ICMPV6, peer, own, message)

    def _icmp_error(self) -> bytes:
        """An error that quotes what the stack has sent, or something like it."""
        draw = self._random
        flow = self._flow()
        if flow is not None and draw.random() < 0.7:
            seq = flow.ack + draw.choice((0, -1, -100, 1, draw.getrandbits(32)))
            peer, own = flow.peer, flow.own
            quote = self._packet(TCP, own, peer, self._segment(flow.own_port, flow.peer_port, seq, flow.seq, 0x10, b""))
        else:
            peer, own = self._pair()
            data = struct.pack("!HHHH", self._port(), draw.randrange(65536), 8, 0)
            quote = self._packet(draw.choice((UDP, TCP, ICMP)), own, peer, data)
        quote = quote[: draw.choice((len(quote), 28, 48, 20, 40, 8, 0))]
        kind = draw.choice((3, 3, 4, 11, 12) if len(own) == 4 else (1, 2, 2, 3, 4))
        rest = draw.choice((0, 1280, 576, 68, 1499, 1500, 65535, draw.getrandbits(32)))
        message = struct.pack("!BBHI", kind, draw.randrange(18), 0, rest) + quote
        return self._packet(ICMP if len(own) == 4 else ICMPV6, peer, own, message)

    def _fragment(self) -> bytes:
        """A piece of one of a few datagrams, so that pieces meet: they fit, overlap, contradict each other."""
        draw = self._random
        peer, own = self._pair()
        protocol = draw.choice((UDP, TCP, ICMP, ICMPV6))
        more = draw.random() < 0.6
        data = draw.randbytes(draw.choice((8, 16, 64, 512, 1000 if more else 13, draw.randrange(1, 200))))
        place = draw.choice((0, 0, 1, 2, 8, 64, 126, 8191, draw.randrange(8192)))
        identification = draw.randrange(40)
        if len(own) == 4:
            return ipv4(protocol, peer, own, data, identification, place | more << 13, draw.choice((b"", b"\1\1\1\0")))
        head = struct.pack("!BBHI", protocol, 0, place << 3 | more, identification)
        return ipv6(FRAGMENT, peer, own, head + data)

    def _extended(self) -> bytes:
        """IPv6 extension headers or IPv4 options, well made or not, before something real."""
        draw = self._random
        peer, own = self._pair()
        protocol = draw.choice((TCP, UDP, ICMP, ICMPV6, 59, draw.randrange(256)))
        data = self._segment(draw.randrange(65536), self._port(), 0, 0, 2, b"")
        if len(own) == 4:
            options = draw.choice(
                (
                    draw.randbytes(4 * draw.randrange(1, 11)),
                    b"\x83\x07\x04\x0a\0\0\2\0",
                    b"\x94\x04\0\0",
                    b"\x07\x03\x04\0",
                )
            )
            return ipv4(protocol, peer, own, filled(protocol, peer, own, data), 0, 0, options)
        payload = filled(protocol, peer, own, data)
        for _ in range(draw.choice((1, 1, 2, 3, 9))):
            kind = draw.choice(EXTENSIONS)
            size = draw.choice((0, 0, 0, 1, 2, 255))
            body = bytes(6 + 8 * min(size, 3)) if draw.random() < 0.5 else draw.randbytes(6 + 8 * min(size, 3))
            payload = bytes((protocol, size)) + body + payload
            protocol = kind
        return ipv6(protocol, peer, own, payload)

    # Parts

    def _pair(self) -> tuple[bytes, bytes]:
        """A peer, and an address of the stack of the same family; rarely another's."""
        draw = self._random
        own = draw.choice(self._own)
        peer = draw.choice([address for address in self._peers if len(address) == len(own)])
        if draw.random() < 0.03:
            own = draw.choice((peer, b"\xff" * len(own), bytes(len(own)), draw.randbytes(len(own))))
        if draw.random() < 0.03:
            peer = draw.choice((own, b"\xff" * len(own), bytes(len(own)), draw.randbytes(len(own))))
        return peer, own

    def _flow(self) -> Flow | None:
        return self._flows.get(self._random.choice(self._targets)) if self._targets else None

    def _port(self) -> int:
        return self._random.choice((*self._ports, *self._ports, self._random.randrange(65536)))

    def _text(self) -> bytes:
        return self._random.randbytes(self._random.choice((0, 0, 1, 7, 64, 500, 1400)))

    def _options(self, flow: Flow | None) -> bytes:
        draw = self._random
        if flow is not None and draw.random() < 0.7:
            val = draw.choice((0, 1, 0xFFFFFFFF, draw.getrandbits(32))) if draw.random() < 0.2 else flow.timestamp
            return b"\1\1\x08\x0a" + struct.pack("!II", flow.timestamp + 1 & 0xFFFFFFFF, val)
        mss = b"\2\4" + draw.choice((0, 1, 88, 536, 1460, 65535)).to_bytes(2, "big")
        usual = mss + b"\4\2\x08\x0a" + draw.randbytes(4) + bytes(4) + b"\1\3\3" + bytes((draw.randrange(16),))
        return draw.choice(
            (b"", mss, usual, draw.randbytes(4 * draw.randrange(11)), b"\5\x0a" + draw.randbytes(8) + b"\1\1")
        )

    def _segment(self, src_port: int, dst_port: int, seq: int, ack: int, flags: int, options: bytes) -> bytes:
        draw = self._random
        offset = (20 + len(options)) // 4 if draw.random() < 0.97 else draw.randrange(16)
        window = draw.choice((0, 1, 65535, draw.randrange(65536)))
        head = struct.pack(
            "!HHIIBBHHH", src_port, dst_port, seq & 0xFFFFFFFF, ack & 0xFFFFFFFF, offset << 4, flags, window, 0,
            draw.choice((0, 0, 1, 65535)),
        )  # fmt: skip
        text = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" if draw.random() < 0.1 else self._text()
        return head + options[:40] + text

    def _packet(self, protocol: int, src: bytes, dst: bytes, transport: bytes) -> bytes:
        transport = filled(protocol, src, dst, transport)
        if len(dst) == 4:
            return ipv4(protocol, src, dst, transport, self._random.randrange(65536), 0x4000, b"")
        return ipv6(protocol, src, dst, transport)


def ipv4(
    protocol: int, src: bytes, dst: bytes, payload: bytes, identification: int, place: int, options: bytes
) -> bytes:
    """An IPv4 packet with a good checksum; `place` is the word of flags and fragment offset."""
    options = (options + bytes(-len(options) % 4))[:40]
    length = 20 + len(options) + len(payload)
    head = struct.pack(
        "!BBHHHBBH", 0x45 + len(options) // 4, 0, length & 0xFFFF, identification, place, 64, protocol, 0
    )
    head += src[:4] + dst[:4] + options
    return head[:10] + finish(sum16(head)).to_bytes(2, "big") + head[12:] + payload


def ipv6(protocol: int, src: bytes, dst: bytes, payload: bytes) -> bytes:
    """An IPv6 packet whose first next header is `protocol`."""
    return struct.pack("!IHBB", 6 << 28, len(payload) & 0xFFFF, protocol, 64) + src + dst + payload


def filled(protocol: int, src: bytes, dst: bytes, transport: bytes) -> bytes:
    """The transport's header and text with a good checksum, if it is of a protocol that has one."""
    at = CHECKSUM_AT.get(protocol)
    if at is None or len(transport) < at + 2:
        return transport
    data = transport[:at] + bytes(2) + transport[at + 2 :]
    pseudo = 0 if protocol == ICMP else pseudo_sum(src, dst, protocol, len(data))
    return data[:at] + finish(pseudo + sum16(data)).to_bytes(2, "big") + data[at + 2 :]


def parsed(packet: bytes) -> tuple[int, bytes, bytes, bytes] | None:
    """Protocol, source, destination and payload, if that much is there."""
    if len(packet) >= 20 and packet[0] >> 4 == 4 and len(packet) >= (size := (packet[0] & 15) * 4) >= 20:
        return packet[9], packet[12:16], packet[16:20], packet[size:]
    if len(packet) >= 40 and packet[0] >> 4 == 6:
        return packet[6], packet[8:24], packet[24:40], packet[40:]
    return None


def summed(packet: bytes) -> bytes:
    """The same with good lengths and checksums, as far as its headers tell where they are."""
    parts = parsed(packet)
    if parts is None:
        return packet
    protocol, src, dst, payload = parts
    payload = filled(protocol, src, dst, payload)
    if len(src) == 16:
        return packet[:4] + (len(payload) & 0xFFFF).to_bytes(2, "big") + packet[6:40] + payload
    size = len(packet) - len(payload)
    head = packet[:2] + (len(packet) & 0xFFFF).to_bytes(2, "big") + packet[4:10] + bytes(2) + packet[12:size]
    return head[:10] + finish(sum16(head)).to_bytes(2, "big") + head[12:] + payload
