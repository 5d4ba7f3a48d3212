"""IPv4 headers (RFC 791 section 3.1)."""

from struct import Struct

from pystack.wire.buffers import Buffer
from pystack.wire.checksum import sum16
from pystack.wire.errors import Malformed

HEADER_BYTES = 20
MAX_PACKET_BYTES = 0xFFFF
VERSION = 4

_DONT_FRAGMENT = 0x4000
_MORE_FRAGMENTS = 0x2000
_OFFSET_MASK = 0x1FFF

_header = Struct("!BBHHHBBH4s4s")
_unpack = _header.unpack_from
_pack = _header.pack
_words = Struct("!QQI").unpack_from
_from_bytes = int.from_bytes


class Header:
    """One IPv4 header, and a view of what it carries.

    - `src`, `dst`: 4 bytes each; `protocol`, `ttl`, `tos` (the whole byte, its low two bits are ECN), `identification`.
    - `dont_fragment`, `more_fragments`: the flags; `fragment_offset` in bytes, not in the wire's units of 8.
    - `header_length`, `total_length` in bytes; `options`: the option bytes as they came.
    - `payload`: a view into the packet, `total_length - header_length` bytes long.
    """

    __slots__ = (
        "dont_fragment",
        "dst",
        "fragment_offset",
        "header_length",
        "identification",
        "more_fragments",
        "options",
        "payload",
        "protocol",
        "src",
        "tos",
        "total_length",
        "ttl",
    )

    src: bytes
    dst: bytes
    protocol: int
    ttl: int
    tos: int
    identification: int
    dont_fragment: bool
    more_fragments: bool
    fragment_offset: int
    header_length: int
    total_length: int
    options: bytes
    payload: memoryview


def parse(packet: Buffer) -> Header:
    """Reads and verifies the header (RFC 1122 section 3.2.1); bytes after the total length are link padding, not seen.

    Raises `Malformed`: `IpInHdrErrors` for a bad version, length or checksum, `IpInTruncatedPkts` for a packet that is
    shorter than it says.
    """
    size = len(packet)
    if size < HEADER_BYTES:
        raise Malformed("IpInHdrErrors", f"{size} bytes are too few for an IPv4 header")
    header = Header()
    (
        version_ihl,
        header.tos,
        total_length,
        header.identification,
        fragment,
        header.ttl,
        header.protocol,
        _,
        header.src,
        header.dst,
    ) = _unpack(packet)
    if version_ihl == 0x45:
        header_length = HEADER_BYTES
        high, middle, low = _words(packet)
        intact = (high + middle + low) % 65535 == 0
        header.options = b""
    else:
        header_length = (version_ihl & 15) << 2
        if version_ihl >> 4 != VERSION:
            raise Malformed("IpInHdrErrors", f"IP version {version_ihl >> 4}, not 4")
        if not HEADER_BYTES <= header_length <= size:
            raise Malformed("IpInHdrErrors", f"a header length of {header_length} in {size} bytes")
        # The version makes the header non-zero, so that a remainder of 0 is -0, as it must be.
        intact = sum16(packet[:header_length]) % 65535 == 0
        header.options = bytes(packet[HEADER_BYTES:header_length])
    if not intact:
        raise Malformed("IpInHdrErrors", "bad IPv4 header checksum")
    if total_length < header_length:
        raise Malformed("IpInHdrErrors", f"a total length of {total_length} under a header of {header_length}")
    if total_length > size:
        raise Malformed("IpInTruncatedPkts", f"{size} bytes of a packet of {total_length}")
    header.header_length = header_length
    header.total_length = total_length
    header.dont_fragment = fragment & _DONT_FRAGMENT != 0
    header.more_fragments = fragment & _MORE_FRAGMENTS != 0
    header.fragment_offset = (fragment & _OFFSET_MASK) << 3
    view = packet if type(packet) is memoryview else memoryview(packet)
    header.payload = view[header_length:total_length]
    return header


def build_header(
    src: bytes,
    dst: bytes,
    protocol: int,
    payload_length: int,
    *,
    ttl: int = 64,
    tos: int = 0,
    identification: int = 0,
    dont_fragment: bool = True,
    more_fragments: bool = False,
    fragment_offset: int = 0,
) -> bytes:
    """A header of 20 bytes with its checksum, for `payload_length` bytes of payload.

    `fragment_offset` is in bytes, a multiple of 8. An identification of 0 is right for packets that may not be
    fragmented (RFC 6864 section 4.1). Raises `struct.error` for a value that its field cannot hold.
    """
    total_length = HEADER_BYTES + payload_length
    fragment = fragment_offset >> 3
    if dont_fragment:
        fragment |= _DONT_FRAGMENT
    if more_fragments:
        fragment |= _MORE_FRAGMENTS
    total = 0x4500 + tos + total_length + identification + fragment + (ttl << 8) + protocol
    checksum = -(total + _from_bytes(src + dst, "big")) % 65535
    return _pack(0x45, tos, total_length, identification, fragment, ttl, protocol, checksum, src, dst)
