"""ICMP and ICMPv6 messages that arrive: an echo request to answer, a reply or an error for somebody here, or nothing
to us.
"""

from typing import Final

from pystack.ip.datagram import Datagram
from pystack.ip.names import Count, names_of
from pystack.tcp.icmp import IcmpError, IcmpKind
from pystack.wire import icmpv4, icmpv6, quoted
from pystack.wire.errors import Malformed
from pystack.wire.icmp import Message

ECHO_REPLIES: Final = frozenset((icmpv4.ECHO_REPLY, icmpv6.ECHO_REPLY))
"""The types of both families; neither is the other's request."""

_ECHOES_V4: Final = frozenset((icmpv4.ECHO_REQUEST, icmpv4.ECHO_REPLY))
_ECHOES_V6: Final = frozenset((icmpv6.ECHO_REQUEST, icmpv6.ECHO_REPLY))

_LEAST_TRANSPORT_BYTES = 8
"""What an error must quote of a transport (RFC 792): ports, and TCP's sequence number."""

_UNREACHABLE_V4: Final = {
    icmpv4.NET_UNREACHABLE: IcmpKind.UNREACHABLE_NET,
    icmpv4.HOST_UNREACHABLE: IcmpKind.UNREACHABLE_HOST,
    icmpv4.PROTOCOL_UNREACHABLE: IcmpKind.UNREACHABLE_PROTOCOL,
    icmpv4.PORT_UNREACHABLE: IcmpKind.UNREACHABLE_PORT,
    icmpv4.FRAGMENTATION_NEEDED: IcmpKind.FRAGMENTATION_NEEDED,
    icmpv4.SOURCE_ROUTE_FAILED: IcmpKind.SOURCE_ROUTE_FAILED,
    icmpv4.NET_UNKNOWN: IcmpKind.UNREACHABLE_NET,
    icmpv4.HOST_UNKNOWN: IcmpKind.UNREACHABLE_HOST,
    icmpv4.SOURCE_HOST_ISOLATED: IcmpKind.UNREACHABLE_HOST,
    icmpv4.NET_PROHIBITED: IcmpKind.ADMIN_PROHIBITED,
    icmpv4.HOST_PROHIBITED: IcmpKind.ADMIN_PROHIBITED,
    icmpv4.NET_UNREACHABLE_FOR_TOS: IcmpKind.UNREACHABLE_NET,
    icmpv4.HOST_UNREACHABLE_FOR_TOS: IcmpKind.UNREACHABLE_HOST,
    icmpv4.COMMUNICATION_PROHIBITED: IcmpKind.ADMIN_PROHIBITED,
}
"""RFC 792 and RFC 1122 section 3.2.2.1; of codes that are not here, RFC 1812's, all are about the host."""

_UNREACHABLE_V6: Final = {
    icmpv6.NO_ROUTE: IcmpKind.UNREACHABLE_NET,
    icmpv6.ADMINISTRATIVELY_PROHIBITED: IcmpKind.ADMIN_PROHIBITED,
    icmpv6.BEYOND_SCOPE: IcmpKind.UNREACHABLE_HOST,
    icmpv6.ADDRESS_UNREACHABLE: IcmpKind.UNREACHABLE_HOST,
    icmpv6.PORT_UNREACHABLE: IcmpKind.UNREACHABLE_PORT,
    icmpv6.SOURCE_POLICY_FAILED: IcmpKind.ADMIN_PROHIBITED,
    icmpv6.ROUTE_REJECTED: IcmpKind.ADMIN_PROHIBITED,
}

_KINDS_V4: Final = {
    icmpv4.SOURCE_QUENCH: IcmpKind.SOURCE_QUENCH,
    icmpv4.TIME_EXCEEDED: IcmpKind.TIME_EXCEEDED,
    icmpv4.PARAMETER_PROBLEM: IcmpKind.PARAMETER_PROBLEM,
}
_KINDS_V6: Final = {
    icmpv6.PACKET_TOO_BIG: IcmpKind.FRAGMENTATION_NEEDED,
    icmpv6.TIME_EXCEEDED: IcmpKind.TIME_EXCEEDED,
    icmpv6.PARAMETER_PROBLEM: IcmpKind.PARAMETER_PROBLEM,
}

_COUNTERS_V4: Final = {
    icmpv4.ECHO_REPLY: "IcmpInEchoReps",
    icmpv4.DESTINATION_UNREACHABLE: "IcmpInDestUnreachs",
    icmpv4.SOURCE_QUENCH: "IcmpInSrcQuenchs",
    icmpv4.REDIRECT: "IcmpInRedirects",
    icmpv4.ECHO_REQUEST: "IcmpInEchos",
    icmpv4.TIME_EXCEEDED: "IcmpInTimeExcds",
    icmpv4.PARAMETER_PROBLEM: "IcmpInParmProbs",
    icmpv4.TIMESTAMP_REQUEST: "IcmpInTimestamps",
    icmpv4.TIMESTAMP_REPLY: "IcmpInTimestampReps",
    17: "IcmpInAddrMasks",
    18: "IcmpInAddrMaskReps",
}
_COUNTERS_V6: Final = {
    icmpv6.DESTINATION_UNREACHABLE: "Icmp6InDestUnreachs",
    icmpv6.PACKET_TOO_BIG: "Icmp6InPktTooBigs",
    icmpv6.TIME_EXCEEDED: "Icmp6InTimeExcds",
    icmpv6.PARAMETER_PROBLEM: "Icmp6InParmProblems",
    icmpv6.ECHO_REQUEST: "Icmp6InEchos",
    icmpv6.ECHO_REPLY: "Icmp6InEchoReplies",
    130: "Icmp6InGroupMembQueries",
    131: "Icmp6InGroupMembResponses",
    132: "Icmp6InGroupMembReductions",
    133: "Icmp6InRouterSolicits",
    134: "Icmp6InRouterAdvertisements",
    135: "Icmp6InNeighborSolicits",
    136: "Icmp6InNeighborAdvertisements",
    137: "Icmp6InRedirects",
    143: "Icmp6InMLDv2Reports",
}


class Error:
    """An ICMP error about a packet that has the address `src` as its source; whether it was really sent is for the
    transport to find out.

    - `kind`, `code`, `mtu`: as in `IcmpError`.
    - `src`, `dst`, `protocol`: of the quoted packet, so that `dst` is whom it was for; `quoted_length`: its size.
    - `transport`: the first 8 bytes or more behind its IP headers; `src_port`, `dst_port`: the numbers that stand first
      there, if the protocol is one with ports.
    - `reporter`: the router or host that says it.
    """

    __slots__ = ("code", "dst", "kind", "mtu", "protocol", "quoted_length", "reporter", "src", "transport")

    def __init__(self, kind: IcmpKind, code: int, mtu: int, quote: quoted.Quoted, reporter: bytes = b"") -> None:
        self.kind = kind
        self.code = code
        self.mtu = mtu
        self.src = quote.src
        self.dst = quote.dst
        self.protocol = quote.protocol
        self.quoted_length = quote.total_length
        self.transport = bytes(quote.transport)
        self.reporter = reporter

    @property
    def src_port(self) -> int:
        """The port on our side."""
        return int.from_bytes(self.transport[:2], "big")

    @property
    def dst_port(self) -> int:
        """The port on the other side."""
        return int.from_bytes(self.transport[2:4], "big")

    def for_tcp(self) -> IcmpError:
        """What a TCP connection is told."""
        return IcmpError(self.kind, code=self.code, mtu=self.mtu, seq=int.from_bytes(self.transport[4:8], "big"))


def protocol_of(address: bytes) -> int:
    """The protocol number of ICMP in an address's family."""
    return icmpv4.PROTOCOL if len(address) == 4 else icmpv6.PROTOCOL


def read(datagram: Datagram, count: Count) -> Message | Error | None:
    """The message in a datagram of its family's ICMP: an echo request or reply as it is, an error that a transport may
    want to know, or None. Raises `Malformed`.
    """
    names = names_of(datagram.src)
    count(names.icmp_in_msgs)
    if len(datagram.src) == 4:
        message = icmpv4.parse(datagram.payload)
        counters, echoes = _COUNTERS_V4, _ECHOES_V4
    else:
        message = icmpv6.parse(datagram.payload, datagram.src, datagram.dst)
        counters, echoes = _COUNTERS_V6, _ECHOES_V6
    count(counters.get(message.type, names.icmp_in_unknown))
    if message.type in echoes:
        return message
    kind, mtu = _kind_v4(message) if len(datagram.src) == 4 else _kind_v6(message)
    if kind is None:
        return None
    try:
        quote = quoted.read(message.body)
    except Malformed as reason:
        raise Malformed(names.icmp_in_errors, str(reason)) from None  # of the family that it came by
    if len(quote.src) != len(datagram.src) or len(quote.transport) < _LEAST_TRANSPORT_BYTES:
        raise Malformed(names.icmp_in_errors, "the quote does not show whose packet it was")
    return Error(kind, message.code, mtu, quote, datagram.src)


def _kind_v4(message: Message) -> tuple[IcmpKind | None, int]:
    if message.type != icmpv4.DESTINATION_UNREACHABLE:
        return _KINDS_V4.get(message.type), 0
    kind = _UNREACHABLE_V4.get(message.code, IcmpKind.UNREACHABLE_HOST)
    return kind, message.rest & 0xFFFF if kind is IcmpKind.FRAGMENTATION_NEEDED else 0


def _kind_v6(message: Message) -> tuple[IcmpKind | None, int]:
    if message.type != icmpv6.DESTINATION_UNREACHABLE:
        if message.type == icmpv6.PARAMETER_PROBLEM and message.code == icmpv6.UNRECOGNIZED_NEXT_HEADER:
            return IcmpKind.UNREACHABLE_PROTOCOL, 0  # ICMPv6 has no other way to say it (RFC 4443 section 3.4)
        return _KINDS_V6.get(message.type), message.rest if message.type == icmpv6.PACKET_TOO_BIG else 0
    return _UNREACHABLE_V6.get(message.code, IcmpKind.UNREACHABLE_HOST), 0
