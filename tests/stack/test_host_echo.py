"""A host's echo endpoints: bytes, identifiers, counters, memory and ICMP, with scapy as the other side."""

from typing import Any

import pytest
from scapy.layers.inet import ICMP, fragment
from scapy.layers.inet6 import (
    ICMPv6DestUnreach,
    ICMPv6EchoReply,
    ICMPv6EchoRequest,
    ICMPv6PacketTooBig,
    ICMPv6TimeExceeded,
    IPv6ExtHdrFragment,
    fragment6,
)
from stack_lab import OURS, PACKED, PACKED_THEIRS, SECOND, THEIRS, drain, gives, host, ip

from pystack.stack.errors import AddressInUse, AddressNotAvailable, DatagramTooLong
from pystack.stack.host import Host
from pystack.tcp.icmp import IcmpKind
from pystack.udp.config import UdpConfig
from pystack.udp.echo import EchoEndpoint, Report

FAMILIES = pytest.mark.parametrize("family", [4, 6])
IDENTIFIER = 0x1234


def opened(stack: Host, family: int, identifier: int = IDENTIFIER, everywhere: bool = False) -> EchoEndpoint:
    one = stack.echoes.open(bytes(len(PACKED[family])))
    stack.echoes.bind(one, one.local if everywhere else PACKED[family], identifier)
    return one


def request(family: int, sequence: int = 1, data: bytes = b"hello") -> bytes:
    """As an application writes it, without identifier and checksum."""
    return bytes([8 if family == 4 else 128, 0, 0, 0, 0, 0]) + sequence.to_bytes(2, "big") + data


def asks(family: int, identifier: int = IDENTIFIER, sequence: int = 1, data: bytes = b"hello") -> Any:
    """The request as scapy writes it."""
    header = ip(family, src=OURS[family], dst=THEIRS[family], **({"flags": "DF", "id": 0} if family == 4 else {}))
    if family == 4:
        return header / ICMP(type=8, id=identifier, seq=sequence) / data
    return header / ICMPv6EchoRequest(id=identifier, seq=sequence, data=data)


def answers(family: int, identifier: int = IDENTIFIER, sequence: int = 1, data: bytes = b"hello", **to: Any) -> Any:
    if family == 4:
        return ip(4, **to) / ICMP(type=0, id=identifier, seq=sequence) / data
    return ip(6, **to) / ICMPv6EchoReply(id=identifier, seq=sequence, data=data)


def count(stack: Host, family: int, v4: str, v6: str) -> int:
    return stack.metrics[v4 if family == 4 else v6]


def events(stack: Host) -> list[Any]:
    found = []
    while (item := stack.poll_event()) is not None:
        found.append(item[0])
    return found


@FAMILIES
@pytest.mark.parametrize("data", [b"", b"x", bytes(range(256))])
def test_a_request_is_scapys(family: int, data: bytes) -> None:
    stack = host()
    one = opened(stack, family, everywhere=True)
    stack.echoes.send(one, request(family, 7, data), PACKED_THEIRS[family], 99, 0)
    (packet,) = drain(stack)
    assert bytes(packet) == bytes(asks(family, sequence=7, data=data))
    assert count(stack, family, "IcmpOutEchos", "Icmp6OutEchos") == 1
    assert count(stack, family, "IcmpOutMsgs", "Icmp6OutMsgs") == 1
    one.ttl, one.tos = 9, 0x28
    stack.echoes.send(one, request(family), PACKED_THEIRS[family], 0, 0)
    (packet,) = drain(stack)
    assert (packet.ttl, packet.tos) == (9, 0x28) if family == 4 else (packet.hlim, packet.tc) == (9, 0x28)


@FAMILIES
def test_a_reply_reaches_its_identifier(family: int) -> None:
    stack = host()
    one, other = opened(stack, family), opened(stack, family, IDENTIFIER + 1, everywhere=True)
    reply = answers(family, sequence=3, **({"ttl": 55} if family == 4 else {"hlim": 55}))
    assert gives(stack, reply) == []
    assert events(stack) == [one]
    assert one.recv() == (bytes(reply.payload), PACKED_THEIRS[family], 0, 55)
    assert not other.readable
    stranger = {"src": "10.9.9.9" if family == 4 else "fd00:9::9"}
    assert gives(stack, answers(family, IDENTIFIER + 1, **stranger)) == []
    assert other.readable, "who has asked a group, or a router, is answered from other addresses"


@FAMILIES
def test_connected_it_still_hears_everybody(family: int) -> None:
    stack = host()
    one = stack.echoes.open(bytes(len(PACKED[family])))
    stack.echoes.connect(one, PACKED_THEIRS[family], 1025)
    assert one.local == PACKED[family]
    gives(stack, answers(family, one.local_port, src="10.9.9.9" if family == 4 else "fd00:9::9"))
    gives(stack, answers(family, one.local_port))
    assert [one.recv() is not None for _ in range(3)] == [True, True, False]
    stack.echoes.close(one)
    gives(stack, answers(family, one.local_port))
    assert stack.echoes.endpoints() == []
    assert count(stack, family, "PystackIcmpInEchoRepsUnasked", "PystackIcmp6InEchoRepliesUnasked") == 1


@FAMILIES
def test_what_nobody_has_asked_for_is_counted(family: int) -> None:
    stack = host()
    one = opened(stack, family, everywhere=True)
    opened(stack, 10 - family, IDENTIFIER + 1)
    group = {"dst": "10.0.0.255" if family == 4 else "ff02::1"}
    for packet in (answers(family, IDENTIFIER + 1), answers(family, **group), answers(family, 0)):
        assert gives(stack, packet) == []
    assert not one.readable
    assert count(stack, family, "PystackIcmpInEchoRepsUnasked", "PystackIcmp6InEchoRepliesUnasked") == 3
    broken = bytearray(bytes(answers(family)))
    broken[-1] ^= 1
    assert gives(stack, bytes(broken)) == []
    assert count(stack, family, "IcmpInCsumErrors", "Icmp6InCsumErrors") == 1
    assert not one.readable


@FAMILIES
def test_a_request_is_no_reply(family: int) -> None:
    """It is answered, and goes to no socket, whatever its identifier."""
    stack = host()
    one = opened(stack, family, everywhere=True)
    packet = ip(family) / (ICMP(id=IDENTIFIER) if family == 4 else ICMPv6EchoRequest(id=IDENTIFIER))
    assert len(gives(stack, packet)) == 1
    assert not one.readable


@FAMILIES
def test_what_finds_no_room_is_counted(family: int) -> None:
    stack = host(udp=UdpConfig(rcvbuf=3000))
    one = opened(stack, family)
    for _ in range(10):
        gives(stack, answers(family, data=bytes(736)))
    assert count(stack, family, "PystackIcmpInEchoRepsNoRoom", "PystackIcmp6InEchoRepliesNoRoom") == 7
    assert count(stack, family, "IcmpInEchoReps", "Icmp6InEchoReplies") == 10
    assert events(stack) == [one]
    assert stack.memory.held == 3000


@FAMILIES
def test_the_hosts_memory_is_charged(family: int) -> None:
    stack = host(memory=10_000, udp=UdpConfig(rcvbuf=100_000))
    one = opened(stack, family)
    for _ in range(20):
        gives(stack, answers(family, data=bytes(736)))
    assert stack.memory.held == one.held == 11_000
    assert count(stack, family, "PystackIcmpInEchoRepsNoMemory", "PystackIcmp6InEchoRepliesNoMemory") == 9
    gives(stack, error(family, asks(family)))
    assert stack.memory.held == 11_256
    stack.echoes.close(one)
    assert stack.memory.held == 0


@FAMILIES
def test_fragments_both_ways(family: int) -> None:
    stack = host()
    one = opened(stack, family)
    data = bytes(range(256)) * 20
    stack.echoes.send(one, request(family, data=data), PACKED_THEIRS[family], 0, 0)
    sizes = []
    while (packet := stack.poll_transmit(0)) is not None:
        sizes.append(len(bytes(packet)))
    assert sizes == ([1500] * 3 + [708] if family == 4 else [1496] * 3 + [832])
    if family == 4:
        parts = fragment(answers(4, data=data), 1000)
    else:
        parts = fragment6(ip(6) / IPv6ExtHdrFragment(id=7) / answers(6, data=data).payload, 1280)
    for part in parts:
        assert gives(stack, part) == []
    received = one.recv()
    assert received is not None
    assert received.data[8:] == data


@FAMILIES
def test_the_longest_request(family: int) -> None:
    stack = host()
    one = opened(stack, family)
    most = 65_507 if family == 4 else 65_527
    stack.echoes.send(one, request(family, data=bytes(most)), PACKED_THEIRS[family], 0, 0)
    with pytest.raises(DatagramTooLong):
        stack.echoes.send(one, request(family, data=bytes(most + 1)), PACKED_THEIRS[family], 0, 0)
    assert count(stack, family, "IcmpOutEchos", "Icmp6OutEchos") == 1


@FAMILIES
def test_identifiers(family: int) -> None:
    """Random, none of them 0; and shared, by the last, unless one says no, whatever the address."""
    stack = host()
    unnamed = [stack.echoes.open(bytes(len(PACKED[family]))) for _ in range(50)]
    for one in unnamed:
        stack.echoes.name(one)
    picked = [one.local_port for one in unnamed]
    assert len(set(picked)) == 50
    assert picked != sorted(picked)
    assert 0 not in picked
    assert max(picked) > 32767 > min(picked)
    first = opened(stack, family)
    loopback = bytes([127, 0, 0, 1]) if family == 4 else bytes([*bytes(15), 1])
    other = stack.echoes.open(bytes(len(loopback)))
    other.reuse = False
    with pytest.raises(AddressInUse):
        stack.echoes.bind(other, loopback, IDENTIFIER)
    with pytest.raises(AddressNotAvailable):
        stack.echoes.bind(other, PACKED_THEIRS[family], 0)
    last = opened(stack, family, everywhere=True)
    other.reuse = True
    stack.echoes.bind(other, loopback, IDENTIFIER)
    gives(stack, answers(family))
    assert [one.readable for one in (first, last, other)] == [False, True, False], "the other's address is not meant"
    udp = stack.datagrams.open(bytes(len(loopback)))
    stack.datagrams.bind(udp, PACKED[family], IDENTIFIER)  # a space of its own


# ICMP errors


def error(family: int, about: Any, kind: str = "time") -> Any:
    """From a router on the way."""
    header = ip(family, src="10.7.7.7" if family == 4 else "fd00:7::7")
    quoted = bytes(about)
    if kind == "time":
        return header / (ICMP(type=11) if family == 4 else ICMPv6TimeExceeded()) / quoted
    if kind == "port":
        return header / (ICMP(type=3, code=3) if family == 4 else ICMPv6DestUnreach(code=4)) / quoted
    return header / (ICMP(type=3, code=4, nexthopmtu=1300) if family == 4 else ICMPv6PacketTooBig(mtu=1300)) / quoted


ROUTER = {4: bytes([10, 7, 7, 7]), 6: bytes.fromhex("fd000007" + 22 * "0" + "07")}


@FAMILIES
def test_an_error_is_reported_and_hard_ones_pend_where_connected(family: int) -> None:
    stack = host()
    one = opened(stack, family)
    quoted = asks(family, sequence=5)
    assert gives(stack, error(family, quoted)) == []
    assert events(stack) == [one]
    expected = Report(ROUTER[family], PACKED_THEIRS[family], 5, IcmpKind.TIME_EXCEEDED, 0, 0)
    assert one.take_report() == expected
    assert one.take_report() is None
    gives(stack, error(family, quoted, "port"))
    assert one.error is None
    stack.echoes.connect(one, PACKED_THEIRS[family], 0)
    gives(stack, error(family, quoted))
    assert one.error is None
    gives(stack, error(family, quoted, "port"))
    assert one.error is not None


@FAMILIES
def test_an_error_about_what_nobody_sends_is_counted(family: int) -> None:
    stack = host()
    one = opened(stack, family)
    header = ip(family, src=OURS[family], dst=THEIRS[family])
    reply = header / (ICMP(type=0, id=IDENTIFIER) if family == 4 else ICMPv6EchoReply(id=IDENTIFIER))
    for about in (asks(family, IDENTIFIER + 1), reply):
        assert gives(stack, error(family, about)) == []
    assert not one.has_reports
    assert count(stack, family, "IcmpInErrors", "Icmp6InErrors") == 2


@FAMILIES
def test_packet_too_big_lowers_the_path_mtu(family: int) -> None:
    stack = host()
    one = opened(stack, family)

    def sizes() -> list[int]:
        stack.echoes.send(one, request(family, data=bytes(1400)), PACKED_THEIRS[family], 0, 0)
        found = []
        while (packet := stack.poll_transmit(0)) is not None:
            found.append(len(bytes(packet)))
        return found

    assert len(sizes()) == 1
    gives(stack, error(family, asks(family, data=bytes(1400)), "big"))
    report = one.take_report()
    assert report is not None
    assert (report.kind, report.mtu) == (IcmpKind.FRAGMENTATION_NEEDED, 1300)
    assert len(sizes()) == 2
    assert max(sizes()) <= 1300
    deadline = stack.next_deadline()
    assert deadline == 600 * SECOND


def test_the_last_64_reports_are_kept() -> None:
    stack = host()
    one = opened(stack, 4)
    for sequence in range(70):
        gives(stack, error(4, asks(4, sequence=sequence)))
    taken = []
    while (report := one.take_report()) is not None:
        taken.append(report.sequence)
    assert taken == list(range(6, 70))
    assert stack.memory.held == 0


@FAMILIES
@pytest.mark.parametrize("where", ["own", "loopback"])
def test_a_host_answers_itself(family: int, where: str) -> None:
    stack = host()
    loopback = bytes([127, 0, 0, 1]) if family == 4 else bytes([*bytes(15), 1])
    to = PACKED[family] if where == "own" else loopback
    one = stack.echoes.open(bytes(len(to)))
    stack.echoes.send(one, request(family), to, 0, 0)
    assert drain(stack) == []
    for _ in range(2):
        stack.on_deadline(0)
        assert drain(stack) == []
    received = one.recv()
    assert received is not None
    assert (received.src, received.data[8:]) == (to, b"hello")
    assert received.ttl == 64
