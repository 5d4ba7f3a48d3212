"""The ICMP errors that a host sends about packets it cannot use (RFC 1122 section 3.2.2; RFC 4443 section 2.4)."""

from collections.abc import Callable

from pystack.ip.datagram import Datagram
from pystack.ip.names import Count, names_of
from pystack.ip.ratelimit import TokenBuckets
from pystack.ip.routes import Routes
from pystack.wire import icmpv4, icmpv6, ipv4, ipv6, quoted
from pystack.wire.buffers import Buffer
from pystack.wire.errors import Malformed
from pystack.wire.icmp import HEADER_BYTES, Message
from pystack.wire.ipv6_extensions import ParameterProblem
from pystack.wire.packet import Packet

_MOST_V4 = 576
"""An error may have as many bytes in all: every host must take them (RFC 1812 section 4.3.2.3)."""

_MOST_V6 = 1280
"""The same for IPv6: the least MTU there is (RFC 4443 section 2.4 (c))."""

_PER_HOST_BURST = 6
"""Linux: XRLIM_BURST_FACTOR."""

_HOSTS = 1024

_TOS_KEPT = 0x1E
_INTERNETWORK_CONTROL = 0xC0
"""Precedence of errors (RFC 1812 section 4.3.2.5); the TOS proper is that of the packet (RFC 1122 section 3.2.2)."""

_REDIRECT_V6 = 137

_COUNTERS_V4 = {
    icmpv4.DESTINATION_UNREACHABLE: "IcmpOutDestUnreachs",
    icmpv4.TIME_EXCEEDED: "IcmpOutTimeExcds",
    icmpv4.PARAMETER_PROBLEM: "IcmpOutParmProbs",
}
_COUNTERS_V6 = {
    icmpv6.DESTINATION_UNREACHABLE: "Icmp6OutDestUnreachs",
    icmpv6.PACKET_TOO_BIG: "Icmp6OutPktTooBigs",
    icmpv6.TIME_EXCEEDED: "Icmp6OutTimeExcds",
    icmpv6.PARAMETER_PROBLEM: "Icmp6OutParmProblems",
}


class Errors:
    """Sends errors through `emit`, and no more of them than is good: `per_host` is the interval in nanoseconds at which
    one host may get them, after a burst of 6 (Linux: net.ipv4.icmp_ratelimit), `per_second` and `burst` bound all
    together (Linux: net.ipv4.icmp_msgs_per_sec, icmp_msgs_burst).
    """

    __slots__ = ("_all", "_count", "_emit", "_per_host", "_routes", "_ttl")

    def __init__(
        self,
        routes: Routes,
        emit: Callable[[Packet], None],
        count: Count,
        *,
        ttl: int,
        per_host: int,
        per_second: int,
        burst: int,
    ) -> None:
        self._routes = routes
        self._emit = emit
        self._count = count
        self._ttl = ttl
        self._per_host = TokenBuckets(per_host, _PER_HOST_BURST, _HOSTS)
        self._all = TokenBuckets(1_000_000_000 // per_second, burst)

    # What can be wrong

    def port_unreachable(self, datagram: Datagram, now: int) -> None:
        """No socket has the port that a UDP datagram is for (RFC 1122 section 4.1.3.1; RFC 4443 section 3.1)."""
        if len(datagram.src) == 4:
            message = Message(icmpv4.DESTINATION_UNREACHABLE, icmpv4.PORT_UNREACHABLE)
        else:
            message = Message(icmpv6.DESTINATION_UNREACHABLE, icmpv6.PORT_UNREACHABLE)
        self._send(message, datagram.src, datagram.dst, datagram.packet, now)

    def protocol_unreachable(self, datagram: Datagram, now: int) -> None:
        """Nobody here reads this protocol (RFC 1122 section 3.2.2.1; RFC 4443 section 3.4)."""
        if len(datagram.src) == 4:
            message = Message(icmpv4.DESTINATION_UNREACHABLE, icmpv4.PROTOCOL_UNREACHABLE)
        else:
            message = Message(icmpv6.PARAMETER_PROBLEM, icmpv6.UNRECOGNIZED_NEXT_HEADER, datagram.named_at)
        self._send(message, datagram.src, datagram.dst, datagram.packet, now)

    def reassembly_time_exceeded(self, first: Datagram, now: int) -> None:
        """Fragments of a datagram, of which `first` is the first, have not come in time."""
        if len(first.src) == 4:
            message = Message(icmpv4.TIME_EXCEEDED, icmpv4.REASSEMBLY_TIME_EXCEEDED)
        else:
            message = Message(icmpv6.TIME_EXCEEDED, icmpv6.REASSEMBLY_TIME_EXCEEDED)
        self._send(message, first.src, first.dst, first.packet, now)

    def bad_option(self, header: ipv4.Header, packet: Buffer, pointer: int, now: int) -> None:
        """An IPv4 header cannot be read from `pointer` on (RFC 1122 section 3.2.2.5)."""
        message = Message(icmpv4.PARAMETER_PROBLEM, 0, pointer << 24)
        self._send(message, header.src, header.dst, packet, now)

    def parameter_problem(self, problem: ParameterProblem, src: bytes, dst: bytes, packet: Buffer, now: int) -> None:
        """What is wrong with the extension headers of a packet, or of the datagram that began with it."""
        message = Message(icmpv6.PARAMETER_PROBLEM, problem.code, problem.pointer)
        self._send(message, src, dst, packet, now, even_to_groups=problem.even_to_groups)

    # What a router has to say about a packet of others

    def hops_exceeded(self, packet: Buffer, src: bytes, dst: bytes, now: int) -> None:
        """It has made its last hop (RFC 1812 section 5.3.1; RFC 4443 section 3.3)."""
        if len(src) == 4:
            message = Message(icmpv4.TIME_EXCEEDED, icmpv4.TTL_EXCEEDED)
        else:
            message = Message(icmpv6.TIME_EXCEEDED, icmpv6.HOP_LIMIT_EXCEEDED)
        self._send(message, src, dst, packet, now, by_router=True)

    def too_big(self, packet: Buffer, src: bytes, dst: bytes, mtu: int, now: int) -> None:
        """It does not fit into the `mtu` bytes of the next link (RFC 1191 section 4; RFC 4443 section 3.2)."""
        if len(src) == 4:
            message = icmpv4.unreachable(icmpv4.FRAGMENTATION_NEEDED, b"", mtu)
        else:
            message = icmpv6.packet_too_big(mtu, b"")
        self._send(message, src, dst, packet, now, by_router=True)

    def no_route(self, packet: Buffer, src: bytes, dst: bytes, now: int) -> None:
        """There is no way to where it wants to go (RFC 1812 section 5.2.7.1; RFC 4443 section 3.1)."""
        if len(src) == 4:
            message = icmpv4.unreachable(icmpv4.HOST_UNREACHABLE, b"")
        else:
            message = icmpv6.unreachable(icmpv6.NO_ROUTE, b"")
        self._send(message, src, dst, packet, now, by_router=True)

    # When to be silent

    def _send(
        self,
        message: Message,
        to: bytes,
        about: bytes,
        packet: Buffer,
        now: int,
        *,
        even_to_groups: bool = False,
        by_router: bool = False,
    ) -> None:
        """`to`, which is one host's address, sent `packet` to `about`."""
        if _must_not_be_answered(packet):
            return
        if self._routes.is_own(about):
            source: bytes | None = about
        else:
            source = self._routes.source_for(to) if even_to_groups or by_router else None
        if source is None:
            return
        names = names_of(to)
        within = self._routes.is_own(to)  # no network has to be spared then
        if not within and not self._per_host.take(to, now):
            self._count(names.icmp_limited_host)
        elif not within and not self._all.take(b"", now):
            self._count(names.icmp_limited_global)
        else:
            self._count(names.icmp_out_msgs)
            self._emit(
                self._packet_v4(message, source, to, packet)
                if len(to) == 4
                else self._packet_v6(message, source, to, packet)
            )

    def _packet_v4(self, message: Message, src: bytes, dst: bytes, packet: Buffer) -> Packet:
        self._count(_COUNTERS_V4[message.type])
        message.body = _quote(packet, _MOST_V4 - ipv4.HEADER_BYTES - HEADER_BYTES)
        body = icmpv4.build(message)
        tos = packet[1] & _TOS_KEPT | _INTERNETWORK_CONTROL
        return Packet(
            (ipv4.build_header(src, dst, icmpv4.PROTOCOL, len(body), ttl=self._ttl, tos=tos), body), "icmp-error"
        )

    def _packet_v6(self, message: Message, src: bytes, dst: bytes, packet: Buffer) -> Packet:
        self._count(_COUNTERS_V6[message.type])
        message.body = _quote(packet, _MOST_V6 - ipv6.HEADER_BYTES - HEADER_BYTES)
        body = icmpv6.build(message, src, dst)
        return Packet((ipv6.build_header(src, dst, icmpv6.PROTOCOL, len(body), ttl=self._ttl), body), "icmp-error")


def _quote(packet: Buffer, limit: int) -> bytes:
    """As much of a packet as fits, without what the link has put behind it."""
    if packet[0] >> 4 == ipv4.VERSION:
        length = int.from_bytes(packet[2:4], "big")
    else:
        length = ipv6.HEADER_BYTES + int.from_bytes(packet[4:6], "big")
    return bytes(packet[: min(length, limit)])


def _must_not_be_answered(packet: Buffer) -> bool:
    """Whether it is an ICMP error itself, lest two hosts talk for ever, or may be one: a fragment that does not show
    its type.
    """
    try:
        it = quoted.read(packet)
    except Malformed:
        return False
    if it.protocol == icmpv4.PROTOCOL and len(it.src) == 4:
        return not it.transport or it.transport[0] in icmpv4.ERROR_TYPES
    if it.protocol == icmpv6.PROTOCOL and len(it.src) == 16:
        return not it.transport or it.transport[0] < icmpv6.FIRST_INFORMATIONAL or it.transport[0] == _REDIRECT_V6
    return False
