"""Super-segments against the packets that scapy builds one by one."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.all import IP, TCP, UDP, IPv6, IPv6ExtHdrDestOpt, Raw

from pystack.link.offload import split
from pystack.wire.errors import Malformed
from pystack.wire.packet import Packet

TEXT = bytes(n * 7 % 251 for n in range(40_000))


def ip_layer(family: int, n: int = 0, **fields: object) -> IP | IPv6:
    if family == 4:
        return IP(src="10.0.0.1", dst="10.0.0.2", id=(65534 + n) & 0xFFFF, flags=2, tos=1, ttl=61, **fields)
    return IPv6(src="fd00::1", dst="fd00::2", tc=1, fl=77, hlim=61, **fields)


def tcp_layer(offset: int, flags: str) -> TCP:
    seq = (2**32 - 3000 + offset) & 0xFFFFFFFF
    return TCP(sport=80, dport=4000, seq=seq, ack=7, flags=flags, window=99, options=[("Timestamp", (5, 6))])


@pytest.mark.parametrize("family", [4, 6])
@settings(max_examples=40, deadline=None)
@given(st.integers(1, 9000), st.integers(300, 1448), st.sampled_from(["PA", "FPA", "A", "PACE", "FPAC"]))
def test_tcp_as_scapy_does_it(family: int, size: int, mss: int, flags: str) -> None:
    count = -(-size // mss)
    expected = []
    for n in range(count):
        kept = {flag for flag in flags if (flag != "C" or n == 0) and (flag not in "FP" or n == count - 1)}
        text = TEXT[n * mss : min((n + 1) * mss, size)]
        expected.append(bytes(ip_layer(family, n) / tcp_layer(n * mss, "".join(kept)) / Raw(text)))
    whole = bytes(ip_layer(family) / tcp_layer(0, flags) / Raw(TEXT[:size]))
    assert split(Packet((whole[:50], whole[50:]), "data", mss)) == expected


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("size", [1000, 2999, 3001])
def test_udp_as_scapy_does_it(family: int, size: int) -> None:
    def datagram(text: bytes, n: int = 0) -> bytes:
        return bytes(ip_layer(family, n) / UDP(sport=53, dport=4000) / Raw(text))

    expected = [datagram(TEXT[at : min(at + 1000, size)], at // 1000) for at in range(0, size, 1000)]
    assert split(Packet((datagram(TEXT[:size]),), gso_size=1000)) == expected


def test_a_udp_checksum_is_never_none() -> None:
    """RFC 768: one of zero is sent as all ones."""
    header = bytes(ip_layer(4) / UDP(sport=53, dport=4000, len=14))
    checksums = []
    for text in (b"\0\0\0\0", None):
        text = text or checksums[0] + b"\0\0"  # which makes up for all that is summed
        checksums.append(split(Packet((header, text, b"xy"), gso_size=4))[0][26:28])
    assert checksums[1] == b"\xff\xff"


def test_options_and_extension_headers_are_in_each() -> None:
    for ip in (
        IP(src="10.0.0.1", dst="10.0.0.2", options=[b"\x94\x04\0\0"]),
        IPv6(dst="fd00::2") / IPv6ExtHdrDestOpt(),
    ):
        whole = bytes(ip / tcp_layer(0, "A") / Raw(TEXT[:300]))
        found = split(Packet((whole,), gso_size=100))
        for n, packet in enumerate(found):
            again = ip.copy()
            if isinstance(again, IP):
                again.id = 1 + n
            assert packet == bytes(again / tcp_layer(100 * n, "A") / Raw(TEXT[100 * n : 100 * n + 100]))
        assert len(found) == 3


@pytest.mark.parametrize("gso_size", [0, 100, 5000])
def test_what_is_no_super_segment_stays_as_it_is(gso_size: int) -> None:
    whole = bytes(ip_layer(4) / tcp_layer(0, "PAC") / Raw(bytes(100)))
    assert split(Packet((whole,), gso_size=gso_size)) == [whole]


def test_what_cannot_be_split() -> None:
    with pytest.raises(ValueError, match="protocol 253"):
        split(Packet((bytes(ip_layer(4, proto=253) / Raw(bytes(100))),), gso_size=10))
    with pytest.raises(Malformed):
        split(Packet((b"\x45" + bytes(9),), gso_size=10))
