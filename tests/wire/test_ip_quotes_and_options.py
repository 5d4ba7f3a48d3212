"""Quoted packets, and IPv4 options."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import (
    IP,
    TCP,
    IPOption_EOL,
    IPOption_LSRR,
    IPOption_NOP,
    IPOption_RR,
    IPOption_SSRR,
    IPOption_Timestamp,
)
from scapy.layers.inet6 import IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment, IPv6ExtHdrHopByHop, IPv6ExtHdrRouting

from pystack.wire import ipv4_options, quoted
from pystack.wire.errors import Malformed

SEGMENT = TCP(sport=80, dport=5000, seq=77)


def test_a_quote_with_the_least_there_may_be() -> None:
    raw = bytes(IP(src="10.0.0.2", dst="10.0.0.1", len=1500) / SEGMENT)[:28]
    q = quoted.read(raw)
    assert (q.src, q.dst, q.protocol, q.total_length) == (bytes([10, 0, 0, 2]), bytes([10, 0, 0, 1]), 6, 1500)
    assert bytes(q.transport) == bytes(SEGMENT)[:8]


def test_padding_is_no_transport() -> None:
    """Routers may put an extension behind the quote (RFC 4884)."""
    assert len(quoted.read(bytes(IP() / bytes(8)) + bytes(100)).transport) == 8
    assert len(quoted.read(bytes(IPv6(nh=6) / bytes(8)) + bytes(100)).transport) == 8


def test_options_and_extension_headers_are_passed_over() -> None:
    q = quoted.read(bytes(IP(options=[IPOption_RR()]) / SEGMENT))
    assert bytes(q.transport)[:8] == bytes(SEGMENT)[:8]
    headers = IPv6ExtHdrHopByHop() / IPv6ExtHdrRouting(addresses=["::5"]) / IPv6ExtHdrDestOpt() / IPv6ExtHdrFragment()
    packet = IPv6(src="fd00::2", dst="fd00::1") / headers / SEGMENT
    q = quoted.read(bytes(packet)[:-12])
    assert (q.protocol, bytes(q.transport)[:8], q.total_length) == (6, bytes(SEGMENT)[:8], len(packet))


@pytest.mark.parametrize("packet", [IP(frag=8) / SEGMENT, IPv6() / IPv6ExtHdrFragment(nh=6, offset=8) / SEGMENT])
def test_a_later_fragment_shows_no_transport(packet) -> None:
    assert (quoted.read(bytes(packet)).protocol, len(quoted.read(bytes(packet)).transport)) == (6, 0)


@pytest.mark.parametrize(
    "raw", [b"", b"\x45" + bytes(18), b"\x4f" + bytes(58), b"\x44" + bytes(30), b"\x50" + bytes(40)]
)
def test_no_quote_v4(raw: bytes) -> None:
    with pytest.raises(Malformed) as caught:
        quoted.read(raw)
    assert caught.value.counter == "IcmpInErrors"


def test_no_quote_v6() -> None:
    with pytest.raises(Malformed) as caught:
        quoted.read(b"\x60" + bytes(38))
    assert caught.value.counter == "Icmp6InErrors"
    assert len(quoted.read(bytes(IPv6(nh=60) / b"\x06")).transport) == 1, "a chain that breaks off"


@given(st.sampled_from([b"\x45", b"\x4f", b"\x60", b""]), st.binary(max_size=100))
def test_any_bytes_are_read_or_malformed(start: bytes, data: bytes) -> None:
    read = counter = None
    try:
        read = quoted.read(start + data)
    except Malformed as reason:
        counter = reason.counter
    if read is None:
        assert counter in ("IcmpInErrors", "Icmp6InErrors")
    else:
        assert bytes(read.transport) in start + data


def test_the_kinds_of_options() -> None:
    options = [IPOption_NOP(), IPOption_RR(), IPOption_Timestamp(), IPOption_LSRR(), IPOption_SSRR(), IPOption_EOL()]
    raw = bytes(IP(options=options))[20:]
    assert ipv4_options.kinds(raw) == [7, 68, 131, 137]
    assert ipv4_options.kinds(b"\0\x83\x83\x83") == [], "nothing counts behind the end"
    assert ipv4_options.kinds(b"\x83\x02") == [131]


@pytest.mark.parametrize(
    ("raw", "pointer"),
    [(b"\x07\x00\x00\x00", 20), (b"\x01\x07\x01\x00", 21), (b"\x01\x01\x07\x04", 22), (b"\x01\x01\x01\x07", 23)],
)
def test_options_of_impossible_length(raw: bytes, pointer: int) -> None:
    with pytest.raises(ipv4_options.BadOption) as caught:
        ipv4_options.kinds(raw)
    assert (caught.value.pointer, caught.value.counter) == (pointer, "IpInHdrErrors")
