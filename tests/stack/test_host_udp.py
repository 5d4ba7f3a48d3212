"""A host's UDP: bytes, counters, ports and ICMP, with scapy as the other side."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.layers.inet import ICMP, IP, UDP, fragment
from scapy.layers.inet6 import ICMPv6DestUnreach, IPv6ExtHdrFragment, fragment6
from stack_lab import OURS, PACKED, PACKED_THEIRS, PREFIX, THEIRS, drain, gives, host, ip

from pystack.stack.datagrams import Datagrams
from pystack.stack.errors import (
    AddressInUse,
    AddressNotAvailable,
    BroadcastDenied,
    DatagramTooLong,
    InvalidDestination,
    Unreachable,
)
from pystack.stack.host import Host
from pystack.udp.config import UdpConfig
from pystack.udp.endpoint import UdpEndpoint

FAMILIES = pytest.mark.parametrize("family", [4, 6])
PORT = 5353


def count(stack: Host, family: int, end: str) -> int:
    return stack.metrics[("Udp" if family == 4 else "Udp6") + end]


def bound(stack: Host, family: int, port: int = PORT, everywhere: bool = False) -> UdpEndpoint:
    one = stack.datagrams.open(bytes(len(PACKED[family])))
    stack.datagrams.bind(one, one.local if everywhere else PACKED[family], port)
    return one


def events(stack: Host) -> list[Any]:
    found = []
    while (item := stack.poll_event()) is not None:
        found.append(item[0])
    return found


def raw(stack: Host) -> list[bytes]:
    """What is sent, where scapy would make the checksum of a fragment alone."""
    found = []
    while (packet := stack.poll_transmit(0)) is not None:
        found.append(bytes(packet))
    return found


@FAMILIES
def test_a_datagram_is_scapys(family: int) -> None:
    stack = host()
    one = bound(stack, family)
    one.ttl, one.tos = 9, 0x28
    stack.datagrams.send(one, b"question", PACKED_THEIRS[family], 53, 0)
    (packet,) = drain(stack)
    fields = {"ttl": 9, "tos": 0x28, "flags": "DF", "id": 0} if family == 4 else {"hlim": 9, "tc": 0x28}
    expected = ip(family, src=OURS[family], dst=THEIRS[family], **fields) / UDP(sport=PORT, dport=53) / b"question"
    assert bytes(packet) == bytes(expected)
    assert count(stack, family, "OutDatagrams") == 1


@settings(max_examples=50)
@given(st.sampled_from([4, 6]), st.binary(max_size=4000), st.integers(1, 65535))
def test_whatever_is_sent_arrives_at_another_host(family: int, data: bytes, port: int) -> None:
    ours = host()
    theirs = host(addresses=tuple((PACKED_THEIRS[v], PREFIX[v]) for v in (4, 6)))
    one = bound(ours, family)
    other = theirs.datagrams.open(bytes(len(PACKED[family])))
    theirs.datagrams.bind(other, other.local, port)
    ours.datagrams.send(one, data, PACKED_THEIRS[family], port, 0)
    while (packet := ours.poll_transmit(0)) is not None:
        theirs.receive(bytes(packet), 0)
    assert other.recv() == (data, PACKED[family], PORT, 64)
    assert count(theirs, family, "InDatagrams") == 1


@FAMILIES
def test_a_checksum_of_zero_is_sent_as_ones(family: int) -> None:
    """0 would say that there is none (RFC 768)."""
    stack = host()
    one = bound(stack, family)
    plain = ip(family, src=OURS[family], dst=THEIRS[family]) / UDP(sport=PORT, dport=53) / bytes(2)
    rest = UDP(bytes(plain[UDP])).chksum
    stack.datagrams.send(one, rest.to_bytes(2, "big"), PACKED_THEIRS[family], 53, 0)
    (packet,) = drain(stack)
    assert packet[UDP].chksum == 0xFFFF


@FAMILIES
def test_fragments_both_ways(family: int) -> None:
    stack = host()
    one = bound(stack, family)
    data = bytes(range(256)) * 20
    stack.datagrams.send(one, data, PACKED_THEIRS[family], 53, 0)
    pieces = raw(stack)
    assert [len(piece) for piece in pieces] == ([1500] * 3 + [708] if family == 4 else [1496] * 3 + [832])
    assert not any("DF" in IP(piece).flags for piece in pieces if family == 4)
    assert b"".join(piece[20 if family == 4 else 48 :] for piece in pieces)[8:] == data
    whole = ip(family) / UDP(sport=53, dport=PORT) / data
    if family == 6:
        whole = ip(6) / IPv6ExtHdrFragment(id=7) / UDP(sport=53, dport=PORT) / data
        parts = fragment6(whole, 1280)
    else:
        parts = fragment(whole, 1000)
    for part in parts:
        assert gives(stack, part) == []
    assert one.recv() == (data, PACKED_THEIRS[family], 53, 64)


@FAMILIES
def test_a_closed_port_is_told_and_counted(family: int) -> None:
    stack = host()
    bound(stack, family, 1)
    bound(stack, 10 - family, PORT)
    question = ip(family) / UDP(sport=53, dport=PORT) / b"?"
    (answer,) = gives(stack, question)
    assert (answer[ICMP].type, answer[ICMP].code) == (3, 3) if family == 4 else answer[ICMPv6DestUnreach].code == 4
    assert bytes(question) in bytes(answer)
    assert count(stack, family, "NoPorts") == 1
    assert events(stack) == []


@pytest.mark.parametrize(
    ("family", "fields", "data", "counters"),
    [
        (4, {"chksum": 1}, b"x", ["InErrors", "InCsumErrors"]),
        (6, {"chksum": 1}, b"x", ["InErrors", "InCsumErrors"]),
        (6, {"chksum": 0}, b"x", ["InErrors", "InCsumErrors"]),
        (4, {"len": 7}, b"x", ["InErrors"]),
        (4, {"len": 10}, b"x", ["InErrors"]),
        (6, {"len": 10}, b"x", ["InErrors"]),
    ],
)
def test_what_is_damaged_is_counted_and_not_answered(
    family: int, fields: dict[str, int], data: bytes, counters: list[str]
) -> None:
    stack = host()
    one = bound(stack, family)
    assert gives(stack, ip(family) / UDP(dport=PORT, **fields) / data) == []
    assert not one.readable
    udp = "Udp" if family == 4 else "Udp6"
    assert sorted(n for n in stack.metrics.snapshot() if n.startswith("Udp")) == sorted(udp + c for c in counters)


def test_ipv4_may_come_without_a_checksum() -> None:
    stack = host()
    one = bound(stack, 4)
    assert gives(stack, ip(4) / UDP(sport=5, dport=PORT, chksum=0) / b"x") == []
    assert one.recv() == (b"x", PACKED_THEIRS[4], 5, 64)


@FAMILIES
def test_groups_reach_nobody(family: int) -> None:
    stack = host()
    one = bound(stack, family, everywhere=True)
    for dst in ("10.0.0.255", "224.0.0.1") if family == 4 else ("ff02::1",):
        assert gives(stack, ip(family, dst=dst) / UDP(dport=PORT) / b"x") == []
    assert not one.readable
    assert count(stack, family, "IgnoredMulti") == (2 if family == 4 else 1)


@FAMILIES
def test_what_finds_no_room_is_counted(family: int) -> None:
    stack = host(udp=UdpConfig(rcvbuf=3000))
    one = bound(stack, family)
    for _ in range(10):
        gives(stack, ip(family) / UDP(dport=PORT) / bytes(744))
    assert [count(stack, family, n) for n in ("InDatagrams", "RcvbufErrors", "InErrors")] == [3, 7, 7]
    assert events(stack) == [one]  # one event for all that came while there was something to read
    while one.recv() is not None:
        pass
    gives(stack, ip(family) / UDP(dport=PORT) / bytes(65000 if family == 4 else 1000))
    assert one.readable
    assert events(stack) == [one]


def test_the_hosts_memory_is_charged() -> None:
    stack = host(memory=10_000, udp=UdpConfig(rcvbuf=100_000))
    one = bound(stack, 4)
    for _ in range(20):
        gives(stack, ip(4) / UDP(dport=PORT) / bytes(744))
    assert stack.memory.held == one.held == 11_000
    assert [count(stack, 4, n) for n in ("InDatagrams", "MemErrors", "InErrors")] == [11, 9, 9]
    stack.datagrams.close(one)
    assert stack.memory.held == 0
    assert not stack.memory.is_short


# Names


def test_ports_are_udps_own_and_random() -> None:
    stack = host(ephemeral_ports=(40_000, 40_009))
    stack.ports.bind(bytes(4), 40_003)
    datagrams = stack.datagrams
    taken = [bound(stack, 4, 0, everywhere=True) for _ in range(10)]
    ports = [one.local_port for one in taken]
    assert sorted(ports) == list(range(40_000, 40_010))
    assert ports != sorted(ports)
    for port in (0, 40_000):
        with pytest.raises(AddressInUse):
            bound(stack, 4, port)
    with pytest.raises(AddressNotAvailable):
        datagrams.name(datagrams.open(bytes(4)))
    assert bound(stack, 6, 40_000) in datagrams.endpoints()
    datagrams.close(taken[0])
    assert bound(stack, 4, 0).local_port == ports[0]
    with pytest.raises(AddressNotAvailable):
        datagrams.bind(datagrams.open(bytes(4)), PACKED_THEIRS[4], 1)


def test_a_connected_endpoint_hears_its_peer_alone() -> None:
    stack = host()
    one = stack.datagrams.open(bytes(4))
    stack.datagrams.connect(one, PACKED_THEIRS[4], 53)
    assert one.local == PACKED[4]
    port = one.local_port
    assert 32768 <= port <= 60999
    assert len(gives(stack, ip(4) / UDP(sport=54, dport=port) / b"no")) == 1
    assert len(gives(stack, ip(4, src="10.0.0.9") / UDP(sport=53, dport=port) / b"no")) == 1
    assert gives(stack, ip(4) / UDP(sport=53, dport=port) / b"yes") == []
    assert one.recv() == (b"yes", PACKED_THEIRS[4], 53, 64)
    stack.datagrams.disconnect(one, keep_address=False, keep_port=False)
    assert (one.local, one.local_port, one.remote) == (bytes(4), 0, None)
    assert stack.datagrams.endpoints() == []


def test_the_source_fits_the_destination() -> None:
    other = bytes([192, 168, 7, 2])
    stack = host(addresses=((PACKED[4], 24), (other, 24)))
    one = bound(stack, 4, everywhere=True)
    for dst, source in ((bytes([192, 168, 7, 1]), "192.168.7.2"), (PACKED_THEIRS[4], OURS[4])):
        stack.datagrams.send(one, b"x", dst, 9, 0)
        (packet,) = drain(stack)
        assert packet.src == source
    assert one.local == bytes(4)


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        (bytes([10, 0, 0, 255]), BroadcastDenied),
        (bytes([255, 255, 255, 255]), BroadcastDenied),
        (bytes([224, 0, 0, 1]), InvalidDestination),
        (bytes(4), InvalidDestination),
        (bytes([0xFF, 2, *bytes(13), 1]), InvalidDestination),
    ],
)
def test_who_cannot_be_sent_to(address: bytes, kind: type[Exception]) -> None:
    stack = host()
    one = stack.datagrams.open(bytes(len(address)))
    with pytest.raises(kind):
        stack.datagrams.send(one, b"x", address, 9, 0)
    with pytest.raises(kind):
        stack.datagrams.connect(one, address, 9)
    assert drain(stack) == []


def test_no_address_of_the_family_and_too_long() -> None:
    stack = host(addresses=((PACKED[4], 24),))
    datagrams: Datagrams = stack.datagrams
    with pytest.raises(Unreachable):
        datagrams.send(datagrams.open(bytes(16)), b"x", PACKED_THEIRS[6], 9, 0)
    with pytest.raises(DatagramTooLong):
        datagrams.send(datagrams.open(bytes(4)), bytes(65_508), PACKED_THEIRS[4], 9, 0)
    assert stack.metrics["UdpOutDatagrams"] == 0


# ICMP


def quote(family: int, sport: int, dport: int = 53, dst: str = "") -> Any:
    header = ip(family, src=OURS[family], dst=dst or THEIRS[family])
    return bytes(header / UDP(sport=sport, dport=dport) / b"question")


def unreachable(family: int, quoted: bytes) -> Any:
    if family == 4:
        return ip(4) / ICMP(type=3, code=3) / quoted
    return ip(6) / ICMPv6DestUnreach(code=4) / quoted


@FAMILIES
def test_port_unreachable_reaches_the_socket_that_it_is_about(family: int) -> None:
    stack = host()
    one = stack.datagrams.open(bytes(len(PACKED[family])))
    stack.datagrams.connect(one, PACKED_THEIRS[family], 53)
    assert gives(stack, unreachable(family, quote(family, one.local_port, dport=54))) == []
    assert one.error is None
    assert stack.metrics["IcmpInErrors" if family == 4 else "Icmp6InErrors"] == 1
    assert gives(stack, unreachable(family, quote(family, one.local_port))) == []
    assert one.error is not None
    assert events(stack) == [one]
