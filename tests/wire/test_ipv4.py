"""IPv4 headers, with scapy as the judge of the bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import IP, IPOption_Router_Alert
from scapy.packet import Raw

from pystack.wire import ipv4
from pystack.wire.errors import Malformed

SRC, DST = bytes((10, 0, 0, 1)), bytes((192, 0, 2, 77))

addresses = st.binary(min_size=4, max_size=4)
fields = st.fixed_dictionaries(
    {
        "ttl": st.integers(0, 255),
        "tos": st.integers(0, 255),
        "identification": st.integers(0, 65535),
        "dont_fragment": st.booleans(),
        "more_fragments": st.booleans(),
        "fragment_offset": st.integers(0, 8191).map(lambda units: units * 8),
    }
)


@given(addresses, addresses, st.integers(0, 255), st.binary(max_size=64), fields)
def test_what_is_built_reads_back(src, dst, protocol, payload, chosen) -> None:
    packet = ipv4.build_header(src, dst, protocol, len(payload), **chosen) + payload
    header = ipv4.parse(packet)
    assert (header.src, header.dst, header.protocol, bytes(header.payload)) == (src, dst, protocol, payload)
    assert {name: getattr(header, name) for name in chosen} == chosen
    assert (header.header_length, header.total_length, header.options) == (20, 20 + len(payload), b"")


@given(addresses, addresses, st.integers(0, 255), st.integers(0, 65515), fields)
def test_scapy_builds_the_same_bytes(src, dst, protocol, payload_length, chosen) -> None:
    flags = ("DF" if chosen["dont_fragment"] else "", "MF" if chosen["more_fragments"] else "")
    theirs = IP(
        src=".".join(map(str, src)),
        dst=".".join(map(str, dst)),
        proto=protocol,
        len=20 + payload_length,
        ttl=chosen["ttl"],
        tos=chosen["tos"],
        id=chosen["identification"],
        flags="+".join(filter(None, flags)),
        frag=chosen["fragment_offset"] // 8,
    )
    assert ipv4.build_header(src, dst, protocol, payload_length, **chosen) == bytes(theirs)


def test_scapy_reads_what_we_build() -> None:
    packet = IP(ipv4.build_header(SRC, DST, 6, 3, ttl=9, tos=0xB9, identification=77) + b"abc")
    assert (packet.src, packet.dst, packet.ttl, packet.tos, packet.id) == ("10.0.0.1", "192.0.2.77", 9, 0xB9, 77)
    assert (str(packet.flags), packet.len, packet.ihl, packet.version) == ("DF", 23, 5, 4)
    given_checksum = packet.chksum
    del packet.chksum
    assert IP(bytes(packet)).chksum == given_checksum


def test_options_are_kept_and_covered_by_the_checksum() -> None:
    packet = bytes(IP(src="10.0.0.1", dst="192.0.2.77", options=[IPOption_Router_Alert()]) / Raw(b"text"))
    header = ipv4.parse(memoryview(packet))
    assert (header.header_length, header.options, bytes(header.payload)) == (24, b"\x94\x04\x00\x00", b"text")
    broken = bytearray(packet)
    broken[23] ^= 1
    with pytest.raises(Malformed, match="checksum"):
        ipv4.parse(broken)


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_payload_ends_with_the_total_length_and_is_a_view(kind) -> None:
    packet = kind(ipv4.build_header(SRC, DST, 17, 4) + b"abcd" + b"ethernet padding")
    header = ipv4.parse(packet)
    assert type(header.payload) is memoryview
    assert header.payload == b"abcd"
    assert header.payload.obj is (packet.obj if kind is memoryview else packet)


def rewritten(**changes) -> bytes:
    return bytes(IP(**{"src": "10.0.0.1", "dst": "192.0.2.77", "proto": 17} | changes) / Raw(bytes(20)))


@pytest.mark.parametrize(
    ("packet", "counter"),
    [
        (b"", "IpInHdrErrors"),
        (rewritten()[:19], "IpInHdrErrors"),
        (rewritten(version=5), "IpInHdrErrors"),
        (rewritten(version=6), "IpInHdrErrors"),
        (rewritten(ihl=4), "IpInHdrErrors"),
        (rewritten(ihl=15), "IpInHdrErrors"),
        (rewritten(len=19), "IpInHdrErrors"),
        (rewritten(chksum=1), "IpInHdrErrors"),
        (rewritten(len=41), "IpInTruncatedPkts"),
        (rewritten()[:-1], "IpInTruncatedPkts"),
    ],
)
def test_what_is_malformed_names_its_counter(packet: bytes, counter: str) -> None:
    with pytest.raises(Malformed) as caught:
        ipv4.parse(packet)
    assert caught.value.counter == counter


@given(st.integers(0, 19), st.integers(0, 7))
def test_any_flipped_bit_of_the_header_is_noticed(at: int, bit: int) -> None:
    packet = bytearray(ipv4.build_header(SRC, DST, 6, 40, identification=3) + bytes(40))
    packet[at] ^= 1 << bit
    with pytest.raises(Malformed):
        ipv4.parse(packet)
