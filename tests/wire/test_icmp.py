"""ICMP and ICMPv6 messages, with scapy as the judge of the bytes."""

from ipaddress import IPv6Address

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scapy.layers.inet import ICMP, IP, TCP
from scapy.layers.inet6 import ICMPv6DestUnreach, ICMPv6EchoReply, ICMPv6EchoRequest, ICMPv6PacketTooBig, IPv6
from scapy.packet import Raw

from pystack.wire import icmpv4, icmpv6
from pystack.wire.errors import Malformed
from pystack.wire.icmp import Message

SRC, DST = IPv6Address("fd00:7079::1").packed, IPv6Address("fd00:7079::2").packed
QUOTE = bytes(IP(src="10.0.0.2", dst="10.0.0.1") / TCP(sport=80, dport=4000, seq=7))[:28]

u16 = st.integers(0, 65535)


def same(left: Message, right: Message) -> bool:
    return (left.type, left.code, left.rest, bytes(left.body)) == (
        right.type,
        right.code,
        right.rest,
        bytes(right.body),
    )


messages = st.builds(
    Message, st.integers(0, 255), st.integers(0, 255), st.integers(0, 0xFFFFFFFF), st.binary(max_size=65)
)


@given(messages)
@example(Message(0))
def test_v4_round_trip(message: Message) -> None:
    assert same(icmpv4.parse(icmpv4.build(message)), message)


@given(messages)
@example(Message(0))
def test_v6_round_trip(message: Message) -> None:
    assert same(icmpv6.parse(icmpv6.build(message, SRC, DST), SRC, DST), message)


@given(u16, u16, st.binary(max_size=57))
@example(0, 0, b"")
@example(0, 0, bytes(56))
def test_v4_echo_is_scapys(identifier: int, sequence: int, data: bytes) -> None:
    """Includes the reply that is zero all over, whose checksum must be 0xFFFF (`checksum.finish`)."""
    request = icmpv4.parse(bytes(ICMP(type=8, id=identifier, seq=sequence) / Raw(data)))
    assert (request.identifier, request.sequence, bytes(request.body)) == (identifier, sequence, data)
    assert same(request, icmpv4.echo_request(identifier, sequence, data))
    reply = icmpv4.build(icmpv4.echo_reply(request))
    assert reply == bytes(ICMP(type=0, id=identifier, seq=sequence) / Raw(data))


@given(u16, u16, st.binary(max_size=57))
def test_v6_echo_is_scapys(identifier: int, sequence: int, data: bytes) -> None:
    asked = IPv6(src=IPv6Address(SRC), dst=IPv6Address(DST)) / ICMPv6EchoRequest(id=identifier, seq=sequence, data=data)
    request = icmpv6.parse(bytes(asked)[40:], SRC, DST)
    assert (request.identifier, request.sequence, bytes(request.body)) == (identifier, sequence, data)
    assert same(request, icmpv6.echo_request(identifier, sequence, data))
    answer = IPv6(src=IPv6Address(DST), dst=IPv6Address(SRC)) / ICMPv6EchoReply(id=identifier, seq=sequence, data=data)
    assert icmpv6.build(icmpv6.echo_reply(request), DST, SRC) == bytes(answer)[40:]


@pytest.mark.parametrize(
    ("code", "mtu"), [(icmpv4.PORT_UNREACHABLE, 0), (icmpv4.HOST_UNREACHABLE, 0), (icmpv4.FRAGMENTATION_NEEDED, 1400)]
)
def test_v4_unreachable_is_scapys(code: int, mtu: int) -> None:
    ours = icmpv4.build(icmpv4.unreachable(code, QUOTE, mtu))
    assert ours == bytes(ICMP(type=3, code=code, nexthopmtu=mtu) / Raw(QUOTE))
    theirs = ICMP(ours)
    assert (theirs.type, theirs.code, theirs.nexthopmtu, theirs.payload.dst) == (3, code, mtu, "10.0.0.1")


def test_v6_errors_are_scapys() -> None:
    quote = bytes(IPv6(src=IPv6Address(DST), dst=IPv6Address(SRC)) / TCP(sport=80, dport=4000))
    addresses = IPv6(src=IPv6Address(SRC), dst=IPv6Address(DST))
    unreachable = icmpv6.build(icmpv6.unreachable(icmpv6.PORT_UNREACHABLE, quote), SRC, DST)
    assert unreachable == bytes(addresses / ICMPv6DestUnreach(code=4) / Raw(quote))[40:]
    too_big = icmpv6.build(icmpv6.packet_too_big(1280, quote), SRC, DST)
    assert too_big == bytes(addresses / ICMPv6PacketTooBig(mtu=1280) / Raw(quote))[40:]
    assert icmpv6.parse(too_big, SRC, DST).rest == 1280


def test_the_body_is_a_view_of_the_packet() -> None:
    data = icmpv4.build(icmpv4.echo_request(1, 2, b"ping"))
    assert icmpv4.parse(data).body.obj is data


def test_short_and_damaged_messages_name_their_counter() -> None:
    good = bytearray(icmpv4.build(icmpv4.echo_request(1, 2, b"ping")))
    with pytest.raises(Malformed) as caught:
        icmpv4.parse(good[:7])
    assert caught.value.counter == "IcmpInErrors"
    good[9] ^= 4
    with pytest.raises(Malformed) as caught:
        icmpv4.parse(good)
    assert caught.value.counter == "IcmpInCsumErrors"


def test_v6_checksum_covers_the_addresses() -> None:
    good = icmpv6.build(icmpv6.echo_request(1, 2, b"ping"), SRC, DST)
    with pytest.raises(Malformed) as caught:
        icmpv6.parse(good, SRC, bytes(15) + b"\x01")
    assert caught.value.counter == "Icmp6InCsumErrors"
    with pytest.raises(Malformed) as caught:
        icmpv6.parse(good[:7], SRC, DST)
    assert caught.value.counter == "Icmp6InErrors"
