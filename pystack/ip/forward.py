"""What a router does to a packet of others (RFC 1812 section 5.2; RFC 8200 sections 3 and 5). Pure."""

from pystack.ip.fragment import cut_v4
from pystack.wire import ipv4, ipv6

_TTL_V4, _CHECKSUM_V4, _HOPS_V6 = 8, 10, 7


class Expired(Exception):
    """The packet has made its last hop."""


class TooBig(Exception):
    """The packet does not fit into `mtu` bytes and may not be cut."""

    def __init__(self, mtu: int) -> None:
        super().__init__(f"the packet does not fit into {mtu} bytes and may not be cut")
        self.mtu = mtu


def forward(packet: bytes, mtu: int) -> list[bytes]:
    """The packet one hop on: in fragments, which have no options, where it is an IPv4 one that does not fit into `mtu`
    bytes and may be cut. Raises `Expired`, `TooBig` or `wire.errors.Malformed`.
    """
    return _forward_v4(packet, mtu) if packet[0] >> 4 == ipv4.VERSION else _forward_v6(packet, mtu)


def _forward_v4(packet: bytes, mtu: int) -> list[bytes]:
    header = ipv4.parse(packet)
    if header.ttl <= 1:
        raise Expired
    if header.total_length <= mtu:
        onward = bytearray(packet[: header.total_length])
        onward[_TTL_V4] -= 1
        # The word with the TTL has fallen by 0x0100, so its complement rises by as much (RFC 1141).
        checksum = int.from_bytes(onward[_CHECKSUM_V4 : _CHECKSUM_V4 + 2], "big") + 0x100
        onward[_CHECKSUM_V4 : _CHECKSUM_V4 + 2] = ((checksum & 0xFFFF) + (checksum >> 16)).to_bytes(2, "big")
        return [bytes(onward)]
    if header.dont_fragment:
        raise TooBig(mtu)
    return [bytes(piece) for piece in cut_v4(header, mtu, header.ttl - 1)]


def _forward_v6(packet: bytes, mtu: int) -> list[bytes]:
    header = ipv6.parse(packet)
    if header.ttl <= 1:
        raise Expired
    length = ipv6.HEADER_BYTES + len(header.payload)
    if length > mtu:
        raise TooBig(mtu)  # routers never cut (RFC 8200 section 4.5)
    onward = bytearray(packet[:length])
    onward[_HOPS_V6] -= 1
    return [bytes(onward)]
