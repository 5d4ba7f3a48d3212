"""The packet that an ICMP error quotes: cut off, its lengths and checksums not to be trusted."""

from struct import Struct

from pystack.wire.buffers import Buffer
from pystack.wire.errors import Malformed
from pystack.wire.ipv6_extensions import (
    DESTINATION_OPTIONS,
    FRAGMENT,
    FRAGMENT_BYTES,
    HOP_BY_HOP,
    MAX_HEADERS,
    ROUTING,
)

_v4 = Struct("!BxHxxHxBxx4s4s").unpack_from
_v6 = Struct("!4xHBx16s16s").unpack_from
_V4_BYTES = 20
_V6_BYTES = 40
_OFFSET_V4 = 0x1FFF
_OFFSET_V6 = 0xFFF8
_WITH_LENGTH = (HOP_BY_HOP, ROUTING, DESTINATION_OPTIONS)


class Quoted:
    """What can be read of a quoted packet.

    `src`, `dst`: 4 or 16 bytes; `total_length`: what the packet had in bytes, as its header says; `protocol`: of its
    transport; `transport`: a view of as much of that as was quoted, empty for a fragment that is not the first.
    """

    __slots__ = ("dst", "protocol", "src", "total_length", "transport")

    def __init__(self, src: bytes, dst: bytes, total_length: int, protocol: int, transport: memoryview) -> None:
        self.src = src
        self.dst = dst
        self.total_length = total_length
        self.protocol = protocol
        self.transport = transport


def read(data: Buffer) -> Quoted:
    """Reads the start of an IPv4 or IPv6 packet. Raises `Malformed`, with a counter of ICMP's, where even the IP header
    is not there as a whole. A chain of extension headers that breaks off ends with the `protocol` of what is missing
    and an empty `transport`.
    """
    view = memoryview(data)
    version = view[0] >> 4 if view else 0
    if version == 4:
        return _read_v4(view)
    if version == 6:
        return _read_v6(view)
    raise Malformed("IcmpInErrors", "the quote is no IP packet")


def _read_v4(view: memoryview) -> Quoted:
    header_length = (view[0] & 15) << 2
    if header_length < _V4_BYTES or len(view) < header_length:
        raise Malformed("IcmpInErrors", "the quote ends within its IPv4 header")
    _, total_length, fragment, protocol, src, dst = _v4(view)
    transport = view[len(view) :] if fragment & _OFFSET_V4 else view[header_length : max(total_length, header_length)]
    return Quoted(src, dst, total_length, protocol, transport)


def _read_v6(view: memoryview) -> Quoted:
    if len(view) < _V6_BYTES:
        raise Malformed("Icmp6InErrors", "the quote ends within its IPv6 header")
    length, protocol, src, dst = _v6(view)
    rest = view[_V6_BYTES : _V6_BYTES + length]
    for _ in range(MAX_HEADERS):
        if protocol == FRAGMENT and len(rest) >= FRAGMENT_BYTES:
            is_later = int.from_bytes(rest[2:4], "big") & _OFFSET_V6 != 0
            protocol, rest = rest[0], rest[len(rest) if is_later else FRAGMENT_BYTES :]
        elif protocol in _WITH_LENGTH and len(rest) >= 2:
            protocol, rest = rest[0], rest[(rest[1] + 1) * 8 :]
        else:
            break
    return Quoted(src, dst, _V6_BYTES + length, protocol, rest)
