"""ICMP and ICMPv6: echo requests are answered (RFC 1122 section 3.2.2.6; RFC 4443 section 4.2)."""

from pystack.wire import icmpv4, icmpv6, ipv4, ipv6
from pystack.wire.packet import Packet

PROTOCOL_V4 = 1
PROTOCOL_V6 = 58


def echo_reply_v4(header: ipv4.Header, ttl: int) -> Packet | None:
    """The answer to a packet that carries ICMP; None where it is not an echo request. Raises `Malformed`."""
    message = icmpv4.parse(header.payload)
    if message.type != icmpv4.ECHO_REQUEST:
        return None
    body = icmpv4.build(icmpv4.echo_reply(message))
    head = ipv4.build_header(header.dst, header.src, PROTOCOL_V4, len(body), ttl=ttl, tos=header.tos)
    return Packet((head, body), "echo-reply")


def echo_reply_v6(header: ipv6.Header, ttl: int) -> Packet | None:
    """The same for ICMPv6."""
    message = icmpv6.parse(header.payload, header.src, header.dst)
    if message.type != icmpv6.ECHO_REQUEST:
        return None
    body = icmpv6.build(icmpv6.echo_reply(message), header.dst, header.src)
    head = ipv6.build_header(header.dst, header.src, PROTOCOL_V6, len(body), ttl=ttl, tos=header.tos)
    return Packet((head, body), "echo-reply")
