"""UDP headers, with scapy as the judge of the bytes."""

from ipaddress import IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6
from scapy.packet import Raw

from pystack.wire import checksum, udp
from pystack.wire.errors import Malformed

SRC4, DST4 = bytes((10, 0, 0, 1)), bytes((10, 0, 0, 2))
SRC6, DST6 = IPv6Address("fd00:7079::1").packed, IPv6Address("fd00:7079::2").packed

ports = st.integers(0, 65535)


def pseudo(src: bytes, dst: bytes, size: int) -> int:
    return checksum.pseudo_sum(src, dst, udp.PROTOCOL, size)


@given(ports, ports, st.lists(st.binary(max_size=9), max_size=4))
def test_v4_is_scapys_and_reads_back(src_port: int, dst_port: int, pieces: list[bytes]) -> None:
    data = b"".join(pieces)
    total = pseudo(SRC4, DST4, 8 + len(data))
    ours = udp.build_header(src_port, dst_port, tuple(pieces), total) + data
    theirs = IP(src="10.0.0.1", dst="10.0.0.2") / UDP(sport=src_port, dport=dst_port) / Raw(data)
    assert ours == bytes(theirs)[20:]
    assert udp.parse(ours, total) == (src_port, dst_port, data)


@given(ports, ports, st.binary(max_size=33))
def test_v6_is_scapys_and_reads_back(src_port: int, dst_port: int, data: bytes) -> None:
    total = pseudo(SRC6, DST6, 8 + len(data))
    ours = udp.build_header(src_port, dst_port, (data,), total) + data
    theirs = IPv6(src=IPv6Address(SRC6), dst=IPv6Address(DST6)) / UDP(sport=src_port, dport=dst_port) / Raw(data)
    assert ours == bytes(theirs)[40:]
    assert udp.parse(ours, total, checksum_required=True) == (src_port, dst_port, data)


def test_a_sum_of_zero_is_sent_as_all_ones() -> None:
    """RFC 768: a computed checksum of zero is transmitted as 0xFFFF."""
    total = pseudo(SRC4, DST4, 10)
    bare = udp.build_header(1, 2, (b"\0\0",), total)
    data = bare[6:8]  # the word that makes everything add up to -0
    header = udp.build_header(1, 2, (data,), total)
    assert header[6:8] == b"\xff\xff"
    assert udp.parse(header + data, total).payload == data


def test_no_checksum_is_accepted_on_v4_only() -> None:
    """RFC 768 allows a sender to make none; RFC 8200 section 8.1 does not."""
    data = b"\x00\x01\x00\x02\x00\x09\x00\x00x"
    assert udp.parse(data, pseudo(SRC4, DST4, 9)).payload == b"x"
    with pytest.raises(Malformed) as caught:
        udp.parse(data, pseudo(SRC6, DST6, 9), checksum_required=True)
    assert caught.value.counter == "UdpInCsumErrors"


def test_bytes_after_udps_own_length_are_ignored() -> None:
    data = udp.build_header(1, 2, (b"text",), pseudo(SRC4, DST4, 12)) + b"text" + b"more"
    assert udp.parse(data, pseudo(SRC4, DST4, len(data))).payload == b"text"


@pytest.mark.parametrize(
    ("data", "counter"),
    [
        (bytes(7), "UdpInErrors"),
        (b"\x00\x01\x00\x02\x00\x07\x00\x00", "UdpInErrors"),
        (b"\x00\x01\x00\x02\x00\x09\x00\x00", "UdpInErrors"),
        (b"\x00\x01\x00\x02\x00\x08\x12\x34", "UdpInCsumErrors"),
    ],
)
def test_what_is_malformed_names_its_counter(data: bytes, counter: str) -> None:
    with pytest.raises(Malformed) as caught:
        udp.parse(data, pseudo(SRC4, DST4, len(data)))
    assert caught.value.counter == counter


def test_a_vouched_checksum_is_not_looked_at() -> None:
    assert udp.parse(b"\x00\x01\x00\x02\x00\x08\x12\x34", None) == (1, 2, b"")
