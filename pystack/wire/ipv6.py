"""IPv6's fixed header (RFC 8200 section 3). Extension headers are not followed: they count as the payload.

A header has the field names of IPv4 where the meaning is the same, so that a host treats both alike.
"""

from struct import Struct

from pystack.wire.buffers import Buffer
from pystack.wire.errors import Malformed

HEADER_BYTES = 40
VERSION = 6

_header = Struct("!IHBB16s16s")
_unpack = _header.unpack_from
_pack = _header.pack


class Header:
    """One IPv6 header, and a view of what it carries.

    - `src`, `dst`: 16 bytes each; `flow_label`: 20 bits.
    - `protocol` is RFC 8200's next header, `ttl` its hop limit, `tos` its traffic class (the low two bits are ECN).
    - `payload`: a view into the packet, as long as the payload length says.
    """

    __slots__ = ("dst", "flow_label", "payload", "protocol", "src", "tos", "ttl")

    src: bytes
    dst: bytes
    protocol: int
    ttl: int
    tos: int
    flow_label: int
    payload: memoryview


def parse(packet: Buffer) -> Header:
    """Reads the header; bytes after the payload length are link padding, not seen.

    Raises `Malformed`: `Ip6InHdrErrors` for a bad version or too few bytes for the header, `Ip6InTruncatedPkts` for
    a packet that is shorter than it says.
    """
    size = len(packet)
    if size < HEADER_BYTES:
        raise Malformed("Ip6InHdrErrors", f"{size} bytes are too few for an IPv6 header")
    header = Header()
    first, payload_length, header.protocol, header.ttl, header.src, header.dst = _unpack(packet)
    if first >> 28 != VERSION:
        raise Malformed("Ip6InHdrErrors", f"IP version {first >> 28}, not 6")
    end = HEADER_BYTES + payload_length
    if end > size:
        raise Malformed("Ip6InTruncatedPkts", f"{size} bytes of a packet of {end}")
    header.tos = first >> 20 & 0xFF
    header.flow_label = first & 0xFFFFF
    view = packet if type(packet) is memoryview else memoryview(packet)
    header.payload = view[HEADER_BYTES:end]
    return header


def build_header(
    src: bytes, dst: bytes, protocol: int, payload_length: int, *, ttl: int = 64, tos: int = 0, flow_label: int = 0
) -> bytes:
    """A header of 40 bytes for `payload_length` bytes of payload, with the names of `Header`.

    Raises `struct.error` for a value that its field cannot hold.
    """
    return _pack(VERSION << 28 | tos << 20 | flow_label, payload_length, protocol, ttl, src, dst)
