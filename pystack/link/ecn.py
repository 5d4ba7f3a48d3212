"""Congestion is told to a packet: the CE mark (RFC 3168 section 5)."""

from typing import Final

from pystack.wire import ipv4, ipv6
from pystack.wire.checksum import finish

_CE: Final = 3


def ce_marked(packet: bytes) -> bytes | None:
    """The packet with CE set; None where its transport is not ECN-capable (Not-ECT), and it has to be dropped.

    IPv4's header checksum is brought along as RFC 1624 section 3 says (equation 3), so that one that was wrong stays
    wrong.
    """
    version = packet[0] >> 4 if packet else 0
    if version == ipv4.VERSION and len(packet) >= ipv4.HEADER_BYTES and packet[1] & _CE:
        tos = packet[1] | _CE
        checksum = finish((0xFFFF - (packet[10] << 8 | packet[11])) + tos - packet[1])
        return packet[:1] + bytes([tos]) + packet[2:10] + checksum.to_bytes(2, "big") + packet[12:]
    if version == ipv6.VERSION and len(packet) >= ipv6.HEADER_BYTES and packet[1] >> 4 & _CE:
        return packet[:1] + bytes([packet[1] | _CE << 4]) + packet[2:]
    return None
