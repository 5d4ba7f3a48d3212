"""Captures, read without any code of the package: what the frames are, and what the IP headers in them say."""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

TCP, UDP, ICMP, ICMPV6, FRAGMENT = 6, 17, 1, 58, 44
SKIPPED = (0, 43, 60)
"""Extension headers of IPv6 that come before a transport: hop-by-hop options, routing, destination options."""

ENHANCED_PACKET, EPB_FLAGS, OUTBOUND = 6, 2, 2


class Frame(NamedTuple):
    """A packet of a capture; tshark counts them from 1, too."""

    number: int
    ours: bool
    """The stack has sent it."""
    data: bytes


class Unreadable(Exception):
    """No whole packet."""


class Ip(NamedTuple):
    """What a packet carries: `payload` begins with the transport's header, unless there is a `piece`."""

    src: bytes
    dst: bytes
    protocol: int
    payload: bytes
    piece: tuple[int, bool, int] | None
    """Offset in bytes, whether more follow, and identification: a fragment."""


def frames(path: Path) -> Iterator[Frame]:
    """The packets of a pcapng file, which has to be of the byte order of `pystack serve`, and of a raw device."""
    number = 0
    with path.open("rb") as file:
        while head := file.read(8):
            kind, length = struct.unpack("<II", head)
            body = file.read(length - 8)
            assert len(body) == length - 8, "a whole block"
            if kind != ENHANCED_PACKET:
                continue
            number += 1
            kept, size = struct.unpack_from("<II", body, 12)
            assert kept == size, "the whole packet"
            at = 20 + (kept + 3) // 4 * 4
            code, _, flags = struct.unpack_from("<HHI", body, at)
            assert code == EPB_FLAGS
            yield Frame(number, flags & 3 == OUTBOUND, body[20 : 20 + kept])


def is_sound(data: bytes) -> bool:
    """Whether a checksum within `data` is right (RFC 1071): the sum of the 16-bit words is a multiple of 65,535."""
    return int.from_bytes(data + bytes(len(data) & 1), "big") % 0xFFFF == 0


def pseudo(ip: Ip) -> bytes:
    """The pseudo-header, in IPv6's form: its sum is the same as that of IPv4's."""
    return ip.src + ip.dst + struct.pack("!II", len(ip.payload), ip.protocol)


def read(data: bytes) -> Ip:
    """A packet's headers up to the transport's, or to a fragment's; `Unreadable` where lengths or the checksum of an
    IPv4 header are wrong.
    """
    if len(data) >= 20 and data[0] >> 4 == 4:
        size, length = (data[0] & 15) * 4, int.from_bytes(data[2:4], "big")
        if not 20 <= size <= length <= len(data) or not is_sound(data[:size]):
            raise Unreadable
        word = int.from_bytes(data[6:8], "big")
        piece = ((word & 0x1FFF) << 3, bool(word & 0x2000), int.from_bytes(data[4:6], "big"))
        return Ip(data[12:16], data[16:20], data[9], data[size:length], piece if word & 0x3FFF else None)
    if len(data) >= 40 and data[0] >> 4 == 6:
        length = 40 + int.from_bytes(data[4:6], "big")
        if length > len(data):
            raise Unreadable
        return _read_v6(data[:length])
    raise Unreadable


def _read_v6(data: bytes) -> Ip:
    protocol, at = data[6], 40
    while protocol in (*SKIPPED, FRAGMENT):
        if at + 8 > len(data):
            raise Unreadable
        if protocol == FRAGMENT:
            word, identification = struct.unpack_from("!HI", data, at + 2)
            if word & 0xFFF9:
                piece = (word & 0xFFF8, bool(word & 1), identification)
                return Ip(data[8:24], data[24:40], data[at], data[at + 8 :], piece)
            protocol, at = data[at], at + 8
        else:
            protocol, at = data[at], at + 8 + data[at + 1] * 8
    return Ip(data[8:24], data[24:40], protocol, data[at:], None)
