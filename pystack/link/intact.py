"""Would a host notice that a packet was damaged?"""

from pystack.wire import icmp, icmpv4, icmpv6, ipv4, ipv6, ipv6_extensions, tcp, udp
from pystack.wire.buffers import Buffer
from pystack.wire.checksum import pseudo_sum, verify
from pystack.wire.errors import Malformed


def is_intact(packet: bytes) -> bool:
    """Whether all lengths and checksums of an IP packet hold: IPv4's header's, and TCP's, UDP's, ICMP's.

    What none of them covers holds in any case: much of IPv6's header, other protocols, UDP over IPv4 without a
    checksum, and a fragment's text, which only the checksum of the whole covers.
    """
    try:
        if packet[0] >> 4 == ipv4.VERSION:
            header = ipv4.parse(packet)
            if header.more_fragments or header.fragment_offset:
                return True
            return _holds(header.protocol, header.src, header.dst, header.payload)
        outer = ipv6.parse(packet)
        chain = ipv6_extensions.walk(outer.protocol, outer.payload)
        if chain.fragment is not None and not chain.fragment.is_atomic:
            return True
        return _holds(chain.protocol, outer.src, outer.dst, chain.payload)
    except ipv6_extensions.ParameterProblem:
        return True  # no checksum says so, and the sender hears of it
    except (Malformed, IndexError):
        return False


def _holds(protocol: int, src: bytes, dst: bytes, payload: Buffer) -> bool:
    is_v6 = len(src) == 16
    pseudo = pseudo_sum(src, dst, protocol, len(payload))
    if protocol == tcp.PROTOCOL:
        tcp.parse(payload, pseudo)
    elif protocol == udp.PROTOCOL:
        udp.parse(payload, pseudo, checksum_required=is_v6)
    elif protocol == (icmpv6.PROTOCOL if is_v6 else icmpv4.PROTOCOL):
        return len(payload) >= icmp.HEADER_BYTES and verify(pseudo if is_v6 else 0, payload)
    return True
