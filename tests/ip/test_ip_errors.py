"""ICMP errors that we send: about what, to whom, quoting what, and how many."""

import pytest
from ip_lab import (
    OURS,
    PACKED,
    PACKED_THEIRS,
    PROTOCOL,
    SECOND,
    THEIRS,
    Layer,
    fragment,
    fragments,
    gives,
    host,
    ip,
)
from scapy.layers.inet import ICMP, IP, TCP, UDP, IPerror, IPOption_LSRR, IPOption_RR, UDPerror
from scapy.layers.inet6 import (
    HBHOptUnknown,
    ICMPv6DestUnreach,
    ICMPv6EchoReply,
    ICMPv6EchoRequest,
    ICMPv6ParamProblem,
    IPv6,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrHopByHop,
    IPv6ExtHdrRouting,
)

from pystack.ip.config import IpConfig
from pystack.ip.ratelimit import TokenBuckets

FAMILIES = pytest.mark.parametrize("family", [4, 6])
BAD_OPTION = b"\x01\x07\x01\x00"
TEXT = bytes(n * 31 & 0xFF for n in range(4000))


def quote_of(answer) -> bytes:
    return bytes(answer)[28:] if IP in answer else bytes(answer)[48:]


# What is wrong


@FAMILIES
@pytest.mark.parametrize("size", [0, 100, 1400])
def test_a_closed_udp_port(family: int, size: int) -> None:
    stack = host()
    packet = ip(family) / UDP(sport=4000, dport=53) / TEXT[:size]
    (answer,) = gives(stack, packet)
    assert (answer.src, answer.dst) == (OURS[family], THEIRS[family])
    if family == 4:
        assert (answer[ICMP].type, answer[ICMP].code) == (3, 3)
        assert (answer[IPerror].dst, answer[UDPerror].dport) == (OURS[4], 53)
        assert answer.tos == 0xC0
    else:
        assert answer[ICMPv6DestUnreach].code == 4
    most = (576 - 28) if family == 4 else (1280 - 48)
    assert quote_of(answer) == bytes(packet)[:most]
    assert len(answer) <= (576 if family == 4 else 1280)
    names = ("OutMsgs", "OutDestUnreachs")
    assert [stack.metrics[("Icmp" if family == 4 else "Icmp6") + n] for n in names] == [1, 1]


@FAMILIES
def test_an_unknown_protocol(family: int) -> None:
    stack = host()
    packet = ip(4, proto=PROTOCOL, tos=0x1F) / TEXT[:50] if family == 4 else ip(6, nh=PROTOCOL) / TEXT[:50]
    (answer,) = gives(stack, packet)
    assert quote_of(answer) == bytes(packet)
    if family == 4:
        assert (answer[ICMP].type, answer[ICMP].code) == (3, 2)
        assert answer.tos == 0xC0 | 0x1E
    else:
        assert (answer[ICMPv6ParamProblem].code, answer[ICMPv6ParamProblem].ptr) == (1, 6)


def test_an_unknown_protocol_behind_extension_headers() -> None:
    packet = ip(6) / IPv6ExtHdrHopByHop() / IPv6ExtHdrDestOpt(nh=PROTOCOL) / TEXT[:9]
    (answer,) = gives(host(), packet)
    assert answer[ICMPv6ParamProblem].ptr == 48
    assert bytes(packet)[48] == PROTOCOL


@FAMILIES
def test_about_a_datagram_of_fragments_the_first_is_quoted(family: int) -> None:
    stack = host()
    pieces = fragments(family, bytes(UDP(sport=1, dport=2, len=1000, chksum=0)) + TEXT[:992], 504, protocol=17)
    if family == 6:
        plain = IPv6(src=THEIRS[6], dst=OURS[6]) / UDP(sport=1, dport=2) / TEXT[:992]
        pieces = fragments(6, bytes(plain)[40:], 504, protocol=17)
    assert gives(stack, pieces[1]) == []
    (answer,) = gives(stack, pieces[0])
    assert quote_of(answer) == bytes(pieces[0])[: 576 - 28 if family == 4 else None]


@pytest.mark.parametrize(
    ("headers", "code", "pointer"),
    [
        (IPv6ExtHdrDestOpt(options=[HBHOptUnknown(otype=0x80)]), 2, 42),
        (IPv6ExtHdrDestOpt(options=[HBHOptUnknown(otype=0xC0)]), 2, 42),
        (IPv6ExtHdrRouting(addresses=["::5"], segleft=1), 0, 42),
        (IPv6ExtHdrDestOpt() / IPv6ExtHdrHopByHop(), 1, 40),
    ],
)
def test_bad_extension_headers(headers, code: int, pointer: int) -> None:
    packet = ip(6) / headers / UDP()
    (answer,) = gives(host(), packet)
    assert (answer[ICMPv6ParamProblem].code, answer[ICMPv6ParamProblem].ptr) == (code, pointer)
    assert quote_of(answer) == bytes(packet)


def test_a_bad_ipv4_option() -> None:
    """RFC 1122 section 3.2.2.5; the pointer is the first byte of four."""
    stack = host()
    packet = ip(4, options=BAD_OPTION, proto=17) / bytes(8)
    (answer,) = gives(stack, packet)
    assert (answer[ICMP].type, answer[ICMP].code, answer[ICMP].ptr) == (12, 0, 21)
    assert stack.metrics["IpInHdrErrors"] == stack.metrics["IcmpOutParmProbs"] == 1


def test_source_routes_are_dropped_and_other_options_passed_over() -> None:
    """RFC 9293 MUST-50."""
    stack = host()
    assert gives(stack, ip(4, options=[IPOption_LSRR(routers=["10.0.0.9"])]) / UDP()) == []
    assert stack.metrics["PystackIpInSourceRoutes"] == 1
    (answer,) = gives(stack, ip(4, options=[IPOption_RR(routers=["0.0.0.0"])]) / TCP(dport=80, flags="S", seq=9))
    assert (answer[TCP].flags, answer[TCP].ack) == ("RA", 10)


# When to be silent


@FAMILIES
def test_never_about_icmp_errors(family: int) -> None:
    """RFC 1122 section 3.2.2; RFC 4443 section 2.4 (e.1), (e.2)."""
    layer = Layer()
    datagram = layer.takes(ip(family) / UDP(dport=9))
    assert datagram is not None
    inner = ip(family, src=OURS[family], dst=THEIRS[family]) / UDP()
    if family == 4:
        silent = [ip(4) / ICMP(type=t) / inner for t in (3, 4, 5, 11, 12)]
        loud = [ip(4) / ICMP(type=t) / inner for t in (0, 8, 13)]
    else:
        silent = [IPv6(bytes(ip(6, nh=58) / bytes([t, *bytes(7)]) / inner)) for t in (1, 2, 3, 4, 127, 137)]
        silent += [ip(6) / IPv6ExtHdrDestOpt(nh=58) / bytes([1, *bytes(7)])]
        loud = [ip(6, nh=58) / bytes([t, *bytes(7)]) / inner for t in (128, 129, 135)]
    for packet in silent:
        datagram.packet = bytes(packet)
        layer.ip.errors.protocol_unreachable(datagram, 0)
        assert layer.sent() == []
    for now, packet in enumerate(loud):
        datagram.packet = bytes(packet)
        layer.ip.errors.protocol_unreachable(datagram, now * SECOND)
        assert len(layer.sent()) == 1


@FAMILIES
def test_not_about_an_icmp_error_with_bad_headers(family: int) -> None:
    """An error that itself is erroneous is answered by none."""
    stack = host()
    if family == 4:
        packet = ip(4, options=BAD_OPTION, proto=1) / bytes([3, 3, *bytes(6)])
        assert len(gives(host(), ip(4, options=BAD_OPTION, proto=1) / bytes([8, 0, *bytes(6)]))) == 1
    else:
        packet = ip(6) / IPv6ExtHdrDestOpt(nh=58, options=[HBHOptUnknown(otype=0xC0)]) / bytes([1, 4, *bytes(6)])
    assert gives(stack, packet) == []
    assert stack.metrics["IpInHdrErrors" if family == 4 else "Ip6InHdrErrors"] == 1


@pytest.mark.parametrize(
    ("family", "fields"),
    [
        (4, {"dst": "224.0.0.1"}),
        (4, {"dst": "255.255.255.255"}),
        (4, {"dst": "10.0.0.255"}),
        (4, {"src": "0.0.0.0"}),
        (4, {"src": "224.0.0.5"}),
        (4, {"src": "10.0.0.255"}),
        (4, {"src": "127.0.0.1"}),
        (4, {"src": OURS[4]}),
        (6, {"dst": "ff02::1"}),
        (6, {"src": "::"}),
        (6, {"src": "ff02::5"}),
        (6, {"src": "::1"}),
        (6, {"src": OURS[6]}),
    ],
)
def test_never_to_or_about_many(family: int, fields: dict[str, str]) -> None:
    stack = host()
    assert gives(stack, ip(family, **fields) / UDP(dport=9)) == []
    assert gives(stack, ip(family, **fields) / TCP(dport=9)) == []
    sent = [n for n in stack.metrics.snapshot() if "Out" in n]
    assert sent == []


@pytest.mark.parametrize(("option", "answers"), [(0x80, 1), (0xC0, 0)])
def test_options_that_are_reported_even_from_a_group(option: int, answers: int) -> None:
    """RFC 8200 section 4.2; RFC 4443 section 2.4 (e.3)."""
    packet = ip(6, dst="ff02::1") / IPv6ExtHdrDestOpt(options=[HBHOptUnknown(otype=option)]) / UDP()
    answers_sent = gives(host(), packet)
    assert [a.src for a in answers_sent] == [OURS[6]] * answers


def test_not_about_later_fragments() -> None:
    stack = host()
    assert len(gives(stack, fragment(4, 0, TEXT[:8], True, options=BAD_OPTION))) == 1
    assert gives(stack, fragment(4, 64, TEXT[:8], False, options=BAD_OPTION)) == []
    assert stack.metrics["IpInHdrErrors"] == 2


@FAMILIES
def test_damaged_udp_gets_no_answer(family: int) -> None:
    stack = host()
    packet = ip(family) / UDP(dport=9, chksum=1) / b"x"
    assert gives(stack, packet) == []
    udp = "Udp" if family == 4 else "Udp6"
    assert [stack.metrics[f"{udp}{end}"] for end in ("InCsumErrors", "InErrors", "NoPorts")] == [1, 1, 0]


# Echoes to groups


def test_echo_requests_to_groups() -> None:
    stack = host()
    for dst in ("10.0.0.255", "255.255.255.255", "224.0.0.1"):
        assert gives(stack, ip(4, dst=dst) / ICMP()) == []
    assert stack.metrics["PystackIcmpInEchosToGroups"] == 3
    (reply,) = gives(stack, ip(6, dst="ff02::1") / ICMPv6EchoRequest(data=b"x"))
    assert (reply.src, reply.dst) == (OURS[6], THEIRS[6])
    assert reply[ICMPv6EchoReply].data == b"x"


def test_other_groups_are_counted_apart() -> None:
    stack = host()
    assert gives(stack, ip(6, dst="ff02::2") / ICMPv6EchoRequest()) == []
    assert gives(stack, ip(4, dst="224.0.0.251") / UDP()) == []
    assert (stack.metrics["PystackIp6InOtherGroups"], stack.metrics["PystackIpInOtherGroups"]) == (1, 1)
    assert stack.metrics["IpInAddrErrors"] == stack.metrics["Ip6InAddrErrors"] == 0


# How many


@FAMILIES
def test_one_host_gets_six_and_then_one_in_a_second(family: int) -> None:
    stack = host()
    packet = ip(family) / UDP(dport=9)
    assert sum(len(gives(stack, packet, now=n)) for n in range(100)) == 6
    limited = "IcmpOutRateLimitHost" if family == 4 else "Icmp6OutRateLimitHost"
    assert stack.metrics[limited] == 94
    assert stack.metrics["UdpNoPorts" if family == 4 else "Udp6NoPorts"] == 100
    assert sum(len(gives(stack, packet, now=s * SECOND // 10)) for s in range(10, 60)) == 5
    assert sum(len(gives(stack, packet, now=60 * SECOND + n)) for n in range(20)) == 6
    echo = ip(4) / ICMP() if family == 4 else ip(6) / ICMPv6EchoRequest()
    assert len(gives(stack, echo, now=60 * SECOND)) == 1, "answers are no errors"


def test_all_hosts_together_get_fifty_and_then_one_in_a_millisecond() -> None:
    stack = host()

    def flood(now: int) -> int:
        packets = (IP(src=f"10.7.{n // 200}.{1 + n % 200}", dst=OURS[4]) / UDP(dport=9) for n in range(300))
        return sum(len(gives(stack, bytes(p), now)) for p in packets)

    assert flood(0) == 50
    assert stack.metrics["IcmpOutRateLimitGlobal"] == 250
    assert flood(20_000_000) == 20
    assert flood(10 * SECOND) == 50


def test_the_limits_can_be_set() -> None:
    stack = host(ip=IpConfig(icmp_ratelimit=0, icmp_msgs_burst=1000, icmp_msgs_per_sec=1))
    assert sum(len(gives(stack, ip(4) / UDP(dport=9))) for _ in range(100)) == 100


def test_token_buckets() -> None:
    b = TokenBuckets(10, 3, capacity=2)
    assert [b.take(b"a", 0) for _ in range(5)] == [True, True, True, False, False]
    assert [b.take(b"a", 10), b.take(b"a", 19), b.take(b"a", 20)] == [True, False, True]
    assert b.take(b"b", 20)
    assert not b.take(b"a", 20)
    assert b.take(b"c", 20)
    assert [b.take(b"b", 20) for _ in range(4)] == [True, True, True, False], "forgotten: b was used before a"


def test_their_addresses() -> None:
    """The lab's own: a test that compares packed addresses with text would else prove nothing."""
    assert IP(src=THEIRS[4], dst=OURS[4]).src == ".".join(map(str, PACKED_THEIRS[4]))
    assert bytes(IPv6(dst=OURS[6]))[24:40] == PACKED[6]
