"""Datagrams that are larger than a packet may be are cut (RFC 791 section 3.2; RFC 8200 section 4.5)."""

from collections.abc import Callable, Iterator
from hashlib import blake2s

from pystack.wire import ipv4, ipv6, ipv6_extensions
from pystack.wire.buffers import Buffer
from pystack.wire.packet import Packet

_COUNTERS = 2048
_UNIT = 8


class MessageTooLong(Exception):
    """The datagram fits neither into one packet nor may it be cut, or is larger than IP can say. `mtu`: what would have
    fitted, in bytes with the IP header.
    """

    def __init__(self, mtu: int) -> None:
        super().__init__(f"the datagram does not fit into packets of {mtu} bytes")
        self.mtu = mtu


class Fragmenter:
    """Makes packets of datagrams. `secret`: 32 random bytes; `entropy(n)` gives n more."""

    __slots__ = ("_entropy", "_identifications", "_secret")

    def __init__(self, secret: bytes, entropy: Callable[[int], bytes]) -> None:
        self._secret = secret
        self._entropy = entropy
        self._identifications: dict[int, int] = {}

    def packets(
        self,
        src: bytes,
        dst: bytes,
        protocol: int,
        pieces: tuple[Buffer, ...],
        mtu: int,
        *,
        ttl: int,
        tos: int = 0,
        dont_fragment: bool = False,
        reason: str = "",
    ) -> list[Packet]:
        """The packets, of at most `mtu` bytes, that carry `pieces`; one where they fit. `dont_fragment` forbids us to
        cut, and (IPv4) routers too. Raises `MessageTooLong`.
        """
        length = sum(map(len, pieces))
        is_v4 = len(src) == 4
        # IPv4 counts its header, IPv6 does not.
        if length + (ipv4.HEADER_BYTES if is_v4 else 0) > ipv4.MAX_PACKET_BYTES:
            raise MessageTooLong(ipv4.MAX_PACKET_BYTES)
        if is_v4:
            # An identification names fragments only; what cannot become fragments needs none (RFC 6864 section 4.1).
            identification = 0 if dont_fragment else self.identification(src, dst, protocol)
            if ipv4.HEADER_BYTES + length <= mtu:
                head = ipv4.build_header(
                    src,
                    dst,
                    protocol,
                    length,
                    ttl=ttl,
                    tos=tos,
                    identification=identification,
                    dont_fragment=dont_fragment,
                )
                return [Packet((head, *pieces), reason)]
        elif ipv6.HEADER_BYTES + length <= mtu:
            head = ipv6.build_header(src, dst, protocol, length, ttl=ttl, tos=tos)
            return [Packet((head, *pieces), reason)]
        if dont_fragment:
            raise MessageTooLong(mtu)
        if is_v4:
            return list(_cut_v4(src, dst, protocol, b"".join(pieces), mtu, ttl, tos, identification, reason))
        identification = int.from_bytes(self._entropy(4), "big")  # not to be foretold (RFC 7739)
        return list(_cut_v6(src, dst, protocol, b"".join(pieces), mtu, ttl, tos, identification, reason))

    def identification(self, src: bytes, dst: bytes, protocol: int) -> int:
        """The next of 65,536, unique for as long as that among packets of the same addresses and protocol (RFC 6864
        section 4.2), and nothing that an outsider can count our packets with.
        """
        digest = blake2s(src + dst + bytes((protocol,)), key=self._secret, digest_size=4).digest()
        slot = int.from_bytes(digest[:2], "big") % _COUNTERS
        value = self._identifications.get(slot, int.from_bytes(digest[2:], "big")) + 1 & 0xFFFF
        self._identifications[slot] = value
        return value


def _spans(data: Buffer, room: int) -> Iterator[tuple[int, memoryview, bool]]:
    """Offset, bytes and "more follow" of each piece, all but the last a multiple of 8 bytes long."""
    view = memoryview(data)
    step = room // _UNIT * _UNIT
    if step <= 0:
        raise MessageTooLong(room)
    for at in range(0, len(data), step):
        yield at, view[at : at + step], at + step < len(data)


def cut_v4(header: ipv4.Header, mtu: int, ttl: int) -> Iterator[Packet]:
    """The fragments, of at most `mtu` bytes, of a packet that is too large, or of a fragment; without options."""
    for offset, piece, more in _spans(header.payload, mtu - ipv4.HEADER_BYTES):
        head = ipv4.build_header(
            header.src,
            header.dst,
            header.protocol,
            len(piece),
            ttl=ttl,
            tos=header.tos,
            identification=header.identification,
            dont_fragment=False,
            more_fragments=more or header.more_fragments,
            fragment_offset=header.fragment_offset + offset,
        )
        yield Packet((head, piece), "forward")


def _cut_v4(
    src: bytes, dst: bytes, protocol: int, data: bytes, mtu: int, ttl: int, tos: int, identification: int, reason: str
) -> Iterator[Packet]:
    for offset, piece, more in _spans(data, mtu - ipv4.HEADER_BYTES):
        head = ipv4.build_header(
            src,
            dst,
            protocol,
            len(piece),
            ttl=ttl,
            tos=tos,
            identification=identification,
            dont_fragment=False,
            more_fragments=more,
            fragment_offset=offset,
        )
        yield Packet((head, piece), reason)


def _cut_v6(
    src: bytes, dst: bytes, protocol: int, data: bytes, mtu: int, ttl: int, tos: int, identification: int, reason: str
) -> Iterator[Packet]:
    extra = ipv6_extensions.FRAGMENT_BYTES
    for offset, piece, more in _spans(data, mtu - ipv6.HEADER_BYTES - extra):
        head = ipv6.build_header(src, dst, ipv6_extensions.FRAGMENT, len(piece) + extra, ttl=ttl, tos=tos)
        fragment = ipv6_extensions.build_fragment(protocol, offset, more, identification)
        yield Packet((head, fragment, piece), reason)
