"""A TCP segment and the IP header before it, to be read, changed and put together again."""

from collections.abc import Container
from struct import Struct
from typing import Final

from pystack.stack.segments import packet_of
from pystack.wire import ipv4, ipv6, ipv6_extensions, tcp
from pystack.wire.checksum import finish, pseudo_sum, sum16
from pystack.wire.errors import Malformed
from pystack.wire.options import EOL, NOP
from pystack.wire.tcp import Segment

_behind_ports: Final = Struct("!IIHHHH").pack
_TTL: Final = 64


class Carried:
    """A wire packet that holds a whole TCP segment.

    `ip` is all that is before the TCP header, with IPv4's options or IPv6's extension headers; `seg` the parsed header,
    with the numbers of the wire; `options` its options and `text` its text, as bytes. What `pack` writes is taken from
    these; the lengths and checksums are worked out, `seg.options`, `seg.pieces` and `seg.size` are not looked at.
    """

    __slots__ = ("dst", "ip", "options", "seg", "src", "text")

    def __init__(self, ip: bytes, src: bytes, dst: bytes, seg: Segment, options: bytes, text: bytes) -> None:
        self.ip = ip
        self.src = src
        self.dst = dst
        self.seg = seg
        self.options = options
        self.text = text

    def pack(self) -> bytes:
        """The packet as it is now, with correct lengths and checksums. The options are padded to a multiple of 4."""
        seg = self.seg
        options = self.options + bytes(-len(self.options) % 4)
        offset_flags = (tcp.HEADER_BYTES + len(options)) << 10 | seg.flags
        head = (seg.src_port << 16 | seg.dst_port).to_bytes(4, "big") + _behind_ports(
            seg.seq & 0xFFFFFFFF, seg.ack & 0xFFFFFFFF, offset_flags, seg.wnd, 0, seg.urg
        )
        length = len(head) + len(options) + len(self.text)
        pseudo = pseudo_sum(self.src, self.dst, tcp.PROTOCOL, length)
        return _with_length(self.ip, length) + tcp.fill_checksum(head + options, (self.text,), pseudo) + self.text

    def follow(self, seg: Segment) -> bytes:
        """A packet of the same sender and receiver with another segment, without options."""
        return _packet(seg, self.src, self.seg.src_port, self.dst, self.seg.dst_port)

    def answer(self, seg: Segment) -> bytes:
        """A packet from the receiver to the sender."""
        return _packet(seg, self.dst, self.seg.dst_port, self.src, self.seg.src_port)


def read(packet: bytes) -> Carried | None:
    """None for what is no whole and intact TCP segment: another protocol, a fragment, a bad checksum."""
    view = memoryview(packet)
    try:
        if packet[:1] and packet[0] >> 4 == 4:
            v4 = ipv4.parse(view)
            src, dst, protocol, data, at = v4.src, v4.dst, v4.protocol, v4.payload, v4.header_length
            is_part = v4.more_fragments or v4.fragment_offset > 0
        else:
            v6 = ipv6.parse(view)
            chain = ipv6_extensions.walk(v6.protocol, v6.payload)
            src, dst, protocol, data, at = v6.src, v6.dst, chain.protocol, chain.payload, chain.at
            is_part = chain.fragment is not None and not chain.fragment.is_atomic
        if is_part or protocol != tcp.PROTOCOL:
            return None
        seg = tcp.parse(data, pseudo_sum(src, dst, protocol, len(data)))
    except Malformed:
        return None
    text_at = len(data) - seg.size
    return Carried(packet[:at], src, dst, seg, bytes(data[tcp.HEADER_BYTES : text_at]), bytes(data[text_at:]))


def without_options(options: bytes, kinds: Container[int], *, leave_nops: bool = True) -> bytes:
    """TCP options without those of `kinds`, in whose place there are NOPs; or which are taken out, and with them the
    NOPs that others are aligned by. What is behind the end, or an option that cannot be read, stays.
    """
    found, at, is_found = bytearray(), 0, False
    while at < len(options) and options[at] != EOL:
        is_nop = options[at] == NOP
        length = 1 if is_nop else options[at + 1] if at + 1 < len(options) else 0
        if not is_nop and (length < 2 or at + length > len(options)):
            break
        if options[at] in kinds:
            is_found = True
            found += bytes((NOP,)) * length if leave_nops else b""
        elif leave_nops or not is_nop:
            found += options[at : at + length]
        at += length
    return bytes(found) + options[at:] if is_found else options


def with_ipv4_checksum(header: bytes) -> bytes:
    """An IPv4 header, its options included, with the checksum that it should have."""
    return header[:10] + finish(sum16(header[:10] + bytes(2) + header[12:])).to_bytes(2, "big") + header[12:]


def _with_length(ip: bytes, length: int) -> bytes:
    """The header before `length` bytes of TCP."""
    if ip[0] >> 4 == ipv4.VERSION:
        return with_ipv4_checksum(ip[:2] + (len(ip) + length).to_bytes(2, "big") + ip[4:])
    return ip[:4] + (len(ip) - ipv6.HEADER_BYTES + length).to_bytes(2, "big") + ip[6:]


def _packet(seg: Segment, src: bytes, src_port: int, dst: bytes, dst_port: int) -> bytes:
    return bytes(packet_of(seg, src, src_port, dst, dst_port, pseudo_sum(src, dst, tcp.PROTOCOL, 0), _TTL))
