"""IPv6's fixed header, with scapy as the judge of the bytes."""

from ipaddress import IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet6 import IPv6

from pystack.wire import ipv4, ipv6
from pystack.wire.errors import Malformed

SRC, DST = IPv6Address("fd00:7079::1").packed, IPv6Address("fd00:7079::2").packed

addresses = st.binary(min_size=16, max_size=16)


@given(
    addresses,
    addresses,
    st.integers(0, 255),
    st.binary(max_size=64),
    st.integers(0, 255),
    st.integers(0, 255),
    st.integers(0, 0xFFFFF),
)
def test_round_trip_and_scapy_agree(src, dst, protocol, payload, ttl, tos, flow_label) -> None:
    packet = ipv6.build_header(src, dst, protocol, len(payload), ttl=ttl, tos=tos, flow_label=flow_label) + payload
    theirs = IPv6(
        src=str(IPv6Address(src)),
        dst=str(IPv6Address(dst)),
        nh=protocol,
        hlim=ttl,
        tc=tos,
        fl=flow_label,
        plen=len(payload),
    )
    assert packet[:40] == bytes(theirs)
    header = ipv6.parse(packet)
    assert (header.src, header.dst, header.protocol, header.ttl) == (src, dst, protocol, ttl)
    assert (header.tos, header.flow_label, bytes(header.payload)) == (tos, flow_label, payload)


def test_payload_ends_with_the_payload_length_and_is_a_view() -> None:
    packet = ipv6.build_header(SRC, DST, 17, 4) + b"abcd" + b"padding"
    header = ipv6.parse(packet)
    assert header.payload == b"abcd"
    assert header.payload.obj is packet


def test_both_families_share_what_a_host_needs() -> None:
    four = ipv4.parse(ipv4.build_header(bytes(4), bytes(4), 6, 0, ttl=3, tos=1))
    six = ipv6.parse(ipv6.build_header(SRC, DST, 6, 0, ttl=3, tos=1))
    for header in (four, six):
        assert (header.protocol, header.ttl, header.tos, len(header.payload)) == (6, 3, 1, 0)


@pytest.mark.parametrize(
    ("packet", "counter"),
    [
        (b"", "Ip6InHdrErrors"),
        (ipv6.build_header(SRC, DST, 6, 0)[:39], "Ip6InHdrErrors"),
        (b"\x45" + ipv6.build_header(SRC, DST, 6, 0)[1:], "Ip6InHdrErrors"),
        (ipv6.build_header(SRC, DST, 6, 1), "Ip6InTruncatedPkts"),
    ],
)
def test_what_is_malformed_names_its_counter(packet: bytes, counter: str) -> None:
    with pytest.raises(Malformed) as caught:
        ipv6.parse(packet)
    assert caught.value.counter == counter
