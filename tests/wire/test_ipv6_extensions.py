"""Chains of extension headers: scapy writes them, we read them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import TCP
from scapy.layers.inet6 import (
    HBHOptUnknown,
    IPv6,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrFragment,
    IPv6ExtHdrHopByHop,
    IPv6ExtHdrRouting,
    PadN,
    RouterAlert,
)

from pystack.wire import ipv6
from pystack.wire.errors import Malformed
from pystack.wire.ipv6_extensions import MAX_HEADERS, MAX_OPTIONS, Chain, ParameterProblem, build_fragment, walk

TEXT = bytes(range(40))


def read(packet) -> Chain:
    header = ipv6.parse(bytes(packet))
    return walk(header.protocol, header.payload)


def test_no_extension_header() -> None:
    chain = read(IPv6(nh=253) / TEXT)
    assert (chain.protocol, bytes(chain.payload), chain.at, chain.named_at) == (253, TEXT, 40, 6)
    assert (chain.fragment, chain.options) == (None, [])


def test_a_chain_of_all_that_may_be() -> None:
    packet = (
        IPv6()
        / IPv6ExtHdrHopByHop(options=[RouterAlert(), PadN(optdata=b"\0\0")])
        / IPv6ExtHdrDestOpt(options=[HBHOptUnknown(otype=0x1E, optdata=b"abc")])
        / IPv6ExtHdrRouting(type=4, segleft=0, addresses=["::5"])
        / IPv6ExtHdrFragment(id=5)
        / IPv6ExtHdrDestOpt(nh=253)
        / TEXT
    )
    chain = read(packet)
    assert (chain.protocol, bytes(chain.payload)) == (253, TEXT)
    assert chain.options == [5, 0x1E]
    assert chain.fragment is not None
    assert chain.fragment.is_atomic
    raw = bytes(packet)
    assert raw[chain.named_at] == 253
    assert raw[chain.at :] == TEXT


@pytest.mark.parametrize(("offset", "more"), [(0, True), (8, True), (8 * 0x1FFF, False)])
def test_reading_ends_at_a_fragment(offset: int, more: bool) -> None:
    packet = IPv6() / IPv6ExtHdrDestOpt() / IPv6ExtHdrFragment(nh=60, offset=offset // 8, m=int(more), id=0xDEADBEEF)
    chain = read(packet / TEXT)
    fragment = chain.fragment
    assert fragment is not None
    assert (fragment.offset, fragment.more, fragment.identification) == (offset, more, 0xDEADBEEF)
    assert (fragment.at, fragment.is_atomic) == (48, False)
    assert (chain.protocol, chain.named_at, chain.at, bytes(chain.payload)) == (60, 48, 56, TEXT)
    assert build_fragment(60, offset, more, 0xDEADBEEF) == bytes(packet)[48:56]


def test_behind_a_fragment_offsets_go_on() -> None:
    """As for a datagram that was reassembled."""
    first = read(IPv6() / IPv6ExtHdrFragment(nh=60, m=1) / IPv6ExtHdrDestOpt(nh=253) / TEXT)
    chain = walk(first.protocol, first.payload, first.at, first.named_at, fragment=first.fragment)
    assert (chain.protocol, chain.at, chain.named_at, bytes(chain.payload)) == (253, 56, 48, TEXT)


@pytest.mark.parametrize(
    ("packet", "code", "pointer", "even_to_groups"),
    [
        # RFC 8200 section 4.2: the two highest bits of an option's type.
        (IPv6() / IPv6ExtHdrDestOpt(options=[PadN(), HBHOptUnknown(otype=0x9E)]) / TEXT, 2, 44, True),
        (IPv6() / IPv6ExtHdrDestOpt(options=[HBHOptUnknown(otype=0xDE)]) / TEXT, 2, 42, False),
        (IPv6() / IPv6ExtHdrHopByHop(options=[HBHOptUnknown(otype=0xC2, optdata=b"1234")]) / TEXT, 2, 42, False),
        # Section 4: hop-by-hop options anywhere but first.
        (IPv6() / IPv6ExtHdrDestOpt() / IPv6ExtHdrHopByHop() / TEXT, 1, 40, False),
        (IPv6() / IPv6ExtHdrHopByHop() / IPv6ExtHdrHopByHop() / TEXT, 1, 40, False),
        # Section 4.4 and RFC 5095: a source route, of whatever type.
        (IPv6() / IPv6ExtHdrRouting(type=0, addresses=["::5"], segleft=1) / TEXT, 0, 42, False),
        (IPv6() / IPv6ExtHdrDestOpt() / IPv6ExtHdrRouting(type=4, segleft=2) / TEXT, 0, 50, False),
        # An option that reaches beyond its header.
        (IPv6(nh=60) / bytes([253, 0, 5, 5, 0, 0, 0, 0]) / TEXT, 0, 42, False),
        (IPv6(nh=60) / bytes([253, 0, 1, 3, 0, 0, 0, 5]) / TEXT, 0, 47, False),
    ],
)
def test_what_the_sender_is_told(packet, code: int, pointer: int, even_to_groups: bool) -> None:
    with pytest.raises(ParameterProblem) as caught:
        read(packet)
    problem = caught.value
    assert (problem.code, problem.pointer, problem.even_to_groups) == (code, pointer, even_to_groups)
    assert problem.counter == "Ip6InHdrErrors"


@pytest.mark.parametrize(
    ("packet", "counter"),
    [
        (IPv6() / IPv6ExtHdrDestOpt(options=[HBHOptUnknown(otype=0x5E)]) / TEXT, "Ip6InHdrErrors"),
        (IPv6() / IPv6ExtHdrFragment() / IPv6ExtHdrFragment() / TEXT, "Ip6InHdrErrors"),
        (IPv6(nh=60) / bytes([253, 0, 0, 0, 0, 0, 0]), "Ip6InTruncatedPkts"),
        (IPv6(nh=60) / bytes([253, 1, 0, 0, 0, 0, 0, 0]), "Ip6InTruncatedPkts"),
        (IPv6(nh=43) / bytes([253, 200]) / bytes(30), "Ip6InTruncatedPkts"),
        (IPv6(nh=44) / bytes(7), "Ip6InTruncatedPkts"),
        (IPv6(nh=0), "Ip6InTruncatedPkts"),
    ],
)
def test_what_is_dropped_in_silence(packet, counter: str) -> None:
    with pytest.raises(Malformed) as caught:
        read(packet)
    assert not isinstance(caught.value, ParameterProblem)
    assert caught.value.counter == counter


def test_there_is_an_end_to_headers_and_options() -> None:
    def chain_of(count: int):
        packet = IPv6()
        for _ in range(count):
            packet = packet / IPv6ExtHdrDestOpt()
        return packet / TCP()

    assert read(chain_of(MAX_HEADERS)).protocol == 6
    with pytest.raises(Malformed, match="more than 8 extension headers"):
        read(chain_of(MAX_HEADERS + 1))

    def with_options(count: int):
        return IPv6() / IPv6ExtHdrDestOpt(options=[PadN(), *[HBHOptUnknown(otype=30)] * count, *[PadN()] * 9]) / TCP()

    assert read(with_options(MAX_OPTIONS)).options == [30] * MAX_OPTIONS
    with pytest.raises(Malformed, match="more than 8 options"):
        read(with_options(MAX_OPTIONS + 1))


@given(protocol=st.sampled_from([0, 43, 44, 60, 51, 59]), data=st.binary(max_size=80))
def test_any_bytes_are_read_or_malformed(protocol: int, data: bytes) -> None:
    chain = reason = None
    try:
        chain = walk(protocol, memoryview(data))
    except Malformed as malformed:
        reason = malformed
    if chain is not None:
        assert chain.at - 40 + len(chain.payload) == len(data)
        assert bytes(chain.payload) == data[chain.at - 40 :]
    elif isinstance(reason, ParameterProblem):
        assert 0 <= reason.pointer < 40 + len(data)
    else:
        assert reason.counter in ("Ip6InHdrErrors", "Ip6InTruncatedPkts")
