"""The CE mark, with scapy's checksums."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from path_lab import ip_packet
from scapy.all import IP, IPv6, Raw

from pystack.link.ecn import ce_marked


@given(st.integers(0, 63), st.integers(1, 3), st.integers(0, 65535), st.integers(1, 255))
def test_ipv4(dscp: int, ecn: int, identification: int, ttl: int) -> None:
    def packet(mark: int) -> bytes:
        return bytes(IP(src="10.0.0.1", dst="10.0.0.2", tos=dscp << 2 | mark, id=identification, ttl=ttl) / Raw(b"abc"))

    assert ce_marked(packet(ecn)) == packet(3)


@given(st.integers(0, 63), st.integers(1, 3), st.integers(0, 2**20 - 1))
def test_ipv6(dscp: int, ecn: int, label: int) -> None:
    def packet(mark: int) -> bytes:
        return bytes(IPv6(src="fd00::1", dst="fd00::2", tc=dscp << 2 | mark, fl=label) / Raw(b"abc"))

    assert ce_marked(packet(ecn)) == packet(3)


def test_a_wrong_checksum_stays_wrong() -> None:
    marked = ce_marked(bytes(IP(tos=1, chksum=0x1234)))
    assert marked is not None
    assert IP(marked).chksum != IP(bytes(IP(tos=3))).chksum


@pytest.mark.parametrize(
    "packet", [ip_packet(4, 6, b"", 0), ip_packet(6, 6, b"", 0), b"", b"\x45\x03", b"\x60\x30", bytes(60)]
)
def test_what_cannot_be_marked(packet: bytes) -> None:
    assert ce_marked(packet) is None
