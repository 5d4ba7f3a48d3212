"""TCP segments become IP packets."""

from pystack.ip.address import family_of
from pystack.wire import ipv4, tcp
from pystack.wire.packet import Packet
from pystack.wire.tcp import Segment


def packet_of(
    seg: Segment,
    src: bytes,
    src_port: int,
    dst: bytes,
    dst_port: int,
    pseudo: int,
    ttl: int,
    tos: int = 0,
    identification: int | None = None,
) -> Packet:
    """The packet that carries `seg`; `pseudo` is the sum of the pseudo-header but for its length, `tos` the TOS byte
    but for its ECN bits (RFC 9293 SHLD-22). TCP finds out what fits (RFC 1191); with an
    `identification` routers may cut the packet nevertheless (IPv4).
    """
    head = tcp.build_header(seg, src_port, dst_port)
    length = len(head) + seg.size
    head = tcp.fill_checksum(head, seg.pieces, pseudo + length)
    tos = (tos & ~3) | seg.ecn
    if identification is None:
        ip = family_of(src).build_header(src, dst, tcp.PROTOCOL, length, ttl=ttl, tos=tos)
    else:
        ip = ipv4.build_header(
            src, dst, tcp.PROTOCOL, length, ttl=ttl, tos=tos, identification=identification, dont_fragment=False
        )
    return Packet((ip + head, *seg.pieces), seg.reason, seg.mss)
