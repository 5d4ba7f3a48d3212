"""UDP headers (RFC 768; over IPv6 RFC 8200 section 8.1)."""

from struct import Struct
from typing import NamedTuple

from pystack.wire.buffers import Buffer
from pystack.wire.checksum import combine, finish, verify
from pystack.wire.errors import Malformed

PROTOCOL = 17
HEADER_BYTES = 8

_header = Struct("!HHHH")


class Datagram(NamedTuple):
    """The two ports of a datagram and a view of its data."""

    src_port: int
    dst_port: int
    payload: memoryview


def parse(data: Buffer, pseudo: int | None, checksum_required: bool = False) -> Datagram:
    """Reads a datagram from the payload of an IP packet; bytes after UDP's own length are ignored.

    `pseudo` is the pseudo-header's sum with `len(data)` as its length; None: the checksum is vouched for, do not
    look. A field of zero means that the sender made none, which IPv6 does not allow (`checksum_required`). Raises
    `Malformed`: `UdpInErrors` for a bad length, `UdpInCsumErrors` for a checksum that does not hold or is missing.
    """
    if len(data) < HEADER_BYTES:
        raise Malformed("UdpInErrors", f"{len(data)} bytes are too few for a UDP header")
    src_port, dst_port, length, checksum = _header.unpack_from(data)
    if not HEADER_BYTES <= length <= len(data):
        raise Malformed("UdpInErrors", f"a UDP length of {length} in {len(data)} bytes")
    datagram = memoryview(data)[:length]
    if pseudo is None:
        pass
    elif checksum == 0:
        if checksum_required:
            raise Malformed("UdpInCsumErrors", "no UDP checksum")
    # The pseudo-header holds UDP's own length, which may be less than what IP carries.
    elif not verify(pseudo - len(data) + length, datagram):
        raise Malformed("UdpInCsumErrors", "bad UDP checksum")
    return Datagram(src_port, dst_port, datagram[HEADER_BYTES:])


def build_header(src_port: int, dst_port: int, pieces: tuple[Buffer, ...], pseudo: int) -> bytes:
    """The header for a datagram of `pieces`; `pseudo` is the pseudo-header's sum for 8 bytes more than theirs."""
    length = HEADER_BYTES + sum(map(len, pieces))
    checksum = finish(pseudo + combine((_header.pack(src_port, dst_port, length, 0), *pieces)))
    return _header.pack(src_port, dst_port, length, checksum or 0xFFFF)
