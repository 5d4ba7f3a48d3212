"""ICMP that arrives: errors reach the connection that they quote, if they can be true; all is counted by type."""

import pytest
from ip_lab import OURS, PACKED, PACKED_THEIRS, SECOND, THEIRS, Layer, drain, gives, host, ip
from scapy.layers.inet import ICMP, TCP, UDP
from scapy.layers.inet6 import (
    ICMPv6DestUnreach,
    ICMPv6EchoReply,
    ICMPv6EchoRequest,
    ICMPv6MLReport2,
    ICMPv6ND_NS,
    ICMPv6ND_RS,
    ICMPv6PacketTooBig,
    ICMPv6ParamProblem,
    ICMPv6TimeExceeded,
)

from pystack.ip.icmp import Error
from pystack.stack.host import Host
from pystack.tcp.config import TcpConfig
from pystack.tcp.events import Ending
from pystack.tcp.icmp import IcmpKind

FAMILIES = pytest.mark.parametrize("family", [4, 6])
ROUTER = {4: "10.0.0.254", 6: "fd00::fe"}


def error(family: int, message, quote, size: int | None = None):
    """An ICMP error from a router about the start of a packet of ours."""
    raw = bytes(quote)[: size or (28 if family == 4 else 48)]
    return ip(family, src=ROUTER[family]) / message / raw


def heard(family: int, message, quote=None) -> Error:
    layer = Layer()
    if quote is None:
        quote = ip(family, src=OURS[family], dst=THEIRS[family]) / TCP(sport=4000, dport=80, seq=0xDEADBEEF)
    found = layer.ip.receive(bytes(error(family, message, quote)), 0)
    assert isinstance(found, Error)
    return found


KINDS_V4 = {
    (3, 0): IcmpKind.UNREACHABLE_NET,
    (3, 1): IcmpKind.UNREACHABLE_HOST,
    (3, 2): IcmpKind.UNREACHABLE_PROTOCOL,
    (3, 3): IcmpKind.UNREACHABLE_PORT,
    (3, 4): IcmpKind.FRAGMENTATION_NEEDED,
    (3, 5): IcmpKind.SOURCE_ROUTE_FAILED,
    (3, 6): IcmpKind.UNREACHABLE_NET,
    (3, 7): IcmpKind.UNREACHABLE_HOST,
    (3, 9): IcmpKind.ADMIN_PROHIBITED,
    (3, 11): IcmpKind.UNREACHABLE_NET,
    (3, 13): IcmpKind.ADMIN_PROHIBITED,
    (3, 14): IcmpKind.UNREACHABLE_HOST,
    (4, 0): IcmpKind.SOURCE_QUENCH,
    (11, 0): IcmpKind.TIME_EXCEEDED,
    (11, 1): IcmpKind.TIME_EXCEEDED,
    (12, 0): IcmpKind.PARAMETER_PROBLEM,
}


@pytest.mark.parametrize(("type_code", "kind"), KINDS_V4.items())
def test_what_an_icmp_error_says(type_code: tuple[int, int], kind: IcmpKind) -> None:
    found = heard(4, ICMP(type=type_code[0], code=type_code[1]))
    assert (found.kind, found.code, found.mtu) == (kind, type_code[1], 0)
    assert (found.src, found.dst, found.protocol) == (PACKED[4], PACKED_THEIRS[4], 6)
    assert (found.src_port, found.dst_port, found.for_tcp().seq) == (4000, 80, 0xDEADBEEF)
    assert found.quoted_length == 40


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        (ICMPv6DestUnreach(code=0), IcmpKind.UNREACHABLE_NET),
        (ICMPv6DestUnreach(code=1), IcmpKind.ADMIN_PROHIBITED),
        (ICMPv6DestUnreach(code=2), IcmpKind.UNREACHABLE_HOST),
        (ICMPv6DestUnreach(code=3), IcmpKind.UNREACHABLE_HOST),
        (ICMPv6DestUnreach(code=4), IcmpKind.UNREACHABLE_PORT),
        (ICMPv6DestUnreach(code=5), IcmpKind.ADMIN_PROHIBITED),
        (ICMPv6DestUnreach(code=99), IcmpKind.UNREACHABLE_HOST),
        (ICMPv6PacketTooBig(mtu=1300), IcmpKind.FRAGMENTATION_NEEDED),
        (ICMPv6TimeExceeded(code=0), IcmpKind.TIME_EXCEEDED),
        (ICMPv6ParamProblem(code=0, ptr=4), IcmpKind.PARAMETER_PROBLEM),
        (ICMPv6ParamProblem(code=1, ptr=6), IcmpKind.UNREACHABLE_PROTOCOL),
    ],
)
def test_what_an_icmpv6_error_says(message, kind: IcmpKind) -> None:
    found = heard(6, message)
    assert (found.kind, found.code) == (kind, message.code)
    assert found.mtu == (1300 if kind is IcmpKind.FRAGMENTATION_NEEDED else 0)
    assert (found.src, found.dst, found.src_port, found.dst_port) == (PACKED[6], PACKED_THEIRS[6], 4000, 80)


def test_the_mtu_of_an_icmp_error() -> None:
    assert heard(4, ICMP(type=3, code=4, nexthopmtu=1300)).mtu == 1300


@FAMILIES
@pytest.mark.parametrize("size", [0, 8, 20, 27, 39, 47])
def test_a_quote_that_shows_too_little(family: int, size: int) -> None:
    if family == 4 and size >= 28:
        size = 27
    layer = Layer()
    quote = ip(family, src=OURS[family], dst=THEIRS[family]) / TCP()
    message = ICMP(type=3, code=1) if family == 4 else ICMPv6DestUnreach(code=3)
    packet = ip(family, src=ROUTER[family]) / message / bytes(quote)[:size]
    assert layer.ip.receive(bytes(packet), 0) is None
    assert layer.counts["IcmpInErrors" if family == 4 else "Icmp6InErrors"] == 1


@FAMILIES
def test_errors_about_packets_that_nobody_here_sent(family: int) -> None:
    stack = host()
    message = ICMP(type=3, code=3) if family == 4 else ICMPv6DestUnreach(code=4)
    foreign = ip(family, src=THEIRS[family], dst=OURS[family]) / TCP()
    unknown = ip(family, src=OURS[family], dst=THEIRS[family]) / TCP()
    udp = ip(family, src=OURS[family], dst=THEIRS[family]) / UDP()
    for quote in (foreign, unknown, udp):
        assert gives(stack, error(family, message, quote)) == []
    assert stack.metrics["IcmpInErrors" if family == 4 else "Icmp6InErrors"] == 3


@FAMILIES
def test_errors_about_the_other_family(family: int) -> None:
    layer = Layer()
    message = ICMP(type=3, code=3) if family == 4 else ICMPv6DestUnreach(code=4)
    quote = ip(10 - family, src=OURS[10 - family], dst=THEIRS[10 - family]) / TCP()
    assert layer.ip.receive(bytes(error(family, message, quote, 100)), 0) is None
    assert layer.counts["IcmpInErrors" if family == 4 else "Icmp6InErrors"] == 1


def connecting(family: int) -> tuple[Host, object, object]:
    stack = host()
    endpoint = stack.connect(PACKED_THEIRS[family], 80, SECOND)
    (syn,) = drain(stack, SECOND)
    return stack, endpoint, syn


@FAMILIES
def test_a_hard_error_ends_an_attempt_to_connect(family: int) -> None:
    stack, endpoint, syn = connecting(family)
    message = ICMP(type=3, code=3) if family == 4 else ICMPv6DestUnreach(code=4)
    assert gives(stack, error(family, message, syn), SECOND) == []
    assert endpoint.connection.ending is Ending.UNREACHABLE
    assert stack.endpoints() == []


@FAMILIES
def test_an_error_about_a_segment_that_was_never_sent_is_not_believed(family: int) -> None:
    """RFC 5927 section 4.1."""
    stack, endpoint, syn = connecting(family)
    forged = syn.copy()
    forged[TCP].seq = (syn[TCP].seq + 12345) % 2**32
    message = ICMP(type=3, code=3) if family == 4 else ICMPv6DestUnreach(code=4)
    gives(stack, error(family, message, forged), SECOND)
    assert endpoint.connection.ending is None
    assert stack.metrics["PystackIcmpInUnbelieved"] == 1


def established(family: int):
    stack, endpoint, syn = connecting(family)
    ack = ip(family) / TCP(
        sport=80,
        dport=syn[TCP].sport,
        flags="SA",
        seq=9000,
        ack=syn[TCP].seq + 1,
        options=[("MSS", 1460)],
        window=65535,
    )
    gives(stack, ack, SECOND)
    endpoint.connection.send(bytes(1400))
    stack.touch(endpoint)
    (segment,) = drain(stack, SECOND)
    return stack, endpoint, segment


@FAMILIES
def test_a_smaller_path_makes_smaller_packets_until_it_is_forgotten(family: int) -> None:
    """RFC 1191, RFC 8201."""
    stack, endpoint, segment = established(family)
    header = 40 if family == 4 else 60
    assert len(segment) > 1400
    message = ICMP(type=3, code=4, nexthopmtu=1300) if family == 4 else ICMPv6PacketTooBig(mtu=1300)
    again = gives(stack, error(family, message, segment), SECOND)
    assert stack.ip.pmtu.get(PACKED_THEIRS[family], SECOND) == 1300
    assert endpoint.connection.path_mss == 1300 - header
    assert again, "what was too large goes again at once"
    assert all(len(p) <= 1300 for p in again)
    other = stack.connect(PACKED_THEIRS[family], 81, 2 * SECOND)
    (syn,) = [p for p in drain(stack, 2 * SECOND) if p[TCP].dport == 81]
    assert other.connection.path_mss == 1300 - header
    assert dict(syn[TCP].options)["MSS"] == 1500 - header, "what we can take is not what the path takes"
    for mine in stack.endpoints():
        mine.connection.abort()
    third = stack.connect(PACKED_THEIRS[family], 82, 700 * SECOND)
    stack.on_deadline(700 * SECOND)
    assert stack.ip.pmtu.get(PACKED_THEIRS[family], 700 * SECOND) == 1500
    assert third.connection.path_mss == 1500 - header


@FAMILIES
def test_claims_of_sizes_that_are_not_believed(family: int) -> None:
    stack, endpoint, segment = established(family)
    before = endpoint.connection.path_mss
    claims = (1500, 9000) if family == 4 else (1500, 1279, 0, 68)
    for mtu in claims:
        message = ICMP(type=3, code=4, nexthopmtu=mtu) if family == 4 else ICMPv6PacketTooBig(mtu=mtu)
        assert gives(stack, error(family, message, segment), SECOND) == []
    assert endpoint.connection.path_mss == before


def test_nobody_lowers_a_path_by_asking_for_echoes() -> None:
    """Whoever asks in another's name could quote the reply; ours fit every path as they are (RFC 8201 section 1)."""
    stack = host()
    request = ip(6) / ICMPv6EchoRequest(id=1, seq=2, data=bytes(1400))
    replies = gives(stack, request)
    assert [len(bytes(reply)) for reply in replies] == [1280, 224]
    for told in (1280, 1300):
        assert gives(stack, error(6, ICMPv6PacketTooBig(mtu=told), replies[0], 100)) == []
        unfragmented = ip(6, src=OURS[6], dst=THEIRS[6]) / ICMPv6EchoReply(id=1, seq=2, data=bytes(1400))
        assert gives(stack, error(6, ICMPv6PacketTooBig(mtu=told), unfragmented)) == []
    assert stack.ip.pmtu.get(PACKED_THEIRS[6], 0) == 1500
    assert stack.metrics["Icmp6InErrors"] == 4
    (whole,) = gives(stack, ip(6) / ICMPv6EchoRequest(data=bytes(1280 - 48)))
    assert len(bytes(whole)) == 1280


@FAMILIES
def test_larger_packets_are_tried_again(family: int) -> None:
    """RFC 1191 section 6.3: connections that live on get the larger size."""
    stack, endpoint, segment = established(family)
    message = ICMP(type=3, code=4, nexthopmtu=1300) if family == 4 else ICMPv6PacketTooBig(mtu=1300)
    gives(stack, error(family, message, segment), SECOND)
    ack = TCP(sport=80, dport=segment[TCP].sport, flags="A", seq=9001, ack=segment[TCP].seq + 1400, window=65535)
    gives(stack, ip(family) / ack, SECOND)
    small = endpoint.connection.path_mss
    stack.on_deadline(600 * SECOND)
    assert endpoint.connection.path_mss == small
    stack.on_deadline(601 * SECOND)
    assert endpoint.connection.path_mss == small + 200


@FAMILIES
def test_congestion_marks_reach_tcp_and_leave_it(family: int) -> None:
    """RFC 3168: the two bits of the IP header."""
    stack = host(tcp=TcpConfig(ecn=1))
    endpoint = stack.connect(PACKED_THEIRS[family], 80, SECOND)
    (syn,) = drain(stack, SECOND)
    field = "tos" if family == 4 else "tc"
    answer = TCP(sport=80, dport=syn[TCP].sport, flags="SAE", seq=9000, ack=syn[TCP].seq + 1, window=65535)
    gives(stack, ip(family) / answer, SECOND)
    endpoint.connection.send(b"x")
    stack.touch(endpoint)
    (text,) = drain(stack, SECOND)
    assert getattr(text, field) & 3 == 2, "ECT(0)"
    marked = TCP(sport=80, dport=syn[TCP].sport, flags="PA", seq=9001, ack=syn[TCP].seq + 2, window=65535)
    (echo,) = gives(stack, ip(family, **{field: 3}) / marked / b"y", SECOND)
    assert "E" in echo[TCP].flags


@pytest.mark.parametrize(
    ("packet", "counter"),
    [
        (ip(4) / ICMP(type=0), "IcmpInEchoReps"),
        (ip(4) / ICMP(type=5), "IcmpInRedirects"),
        (ip(4) / ICMP(type=13), "IcmpInTimestamps"),
        (ip(4) / ICMP(type=14), "IcmpInTimestampReps"),
        (ip(4) / ICMP(type=17), "IcmpInAddrMasks"),
        (ip(4) / ICMP(type=99), "PystackIcmpInUnknownTypes"),
        (ip(6) / ICMPv6EchoReply(), "Icmp6InEchoReplies"),
        (ip(6) / ICMPv6ND_NS(), "Icmp6InNeighborSolicits"),
        (ip(6) / ICMPv6ND_RS(), "Icmp6InRouterSolicits"),
        (ip(6) / ICMPv6MLReport2(), "Icmp6InMLDv2Reports"),
        (ip(6, nh=58) / bytes([200, 0, 0x37, 0x90, *bytes(4)]), None),
    ],
)
def test_types_are_counted(packet, counter: str | None) -> None:
    stack = host()
    assert gives(stack, packet) == []
    if counter is None:
        counter = "Icmp6InCsumErrors"
    assert stack.metrics[counter] == 1
    assert stack.metrics["IcmpInMsgs"] + stack.metrics["Icmp6InMsgs"] == 1


@FAMILIES
def test_the_other_familys_icmp_is_an_unknown_protocol(family: int) -> None:
    stack = host()
    packet = ip(4, proto=58) / bytes(8) if family == 4 else ip(6, nh=1) / bytes(8)
    assert len(gives(stack, packet)) == 1
    assert stack.metrics["IpInUnknownProtos" if family == 4 else "Ip6InUnknownProtos"] == 1
