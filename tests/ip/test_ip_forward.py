"""What a router makes of a packet, with scapy as the judge of the bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import ICMP, IP, UDP, defragment
from scapy.layers.inet6 import IPv6

from pystack.ip.forward import Expired, TooBig, forward
from pystack.wire.errors import Malformed


@given(st.integers(2, 255), st.integers(0, 65535), st.binary(max_size=40))
def test_a_hop_takes_one_of_the_ttl_and_the_checksum_stays_right(ttl: int, ident: int, data: bytes) -> None:
    sent, onward = (
        bytes(IP(src="10.0.0.1", dst="10.1.0.1", ttl=left, id=ident, flags="DF") / UDP(sport=1, dport=2) / data)
        for left in (ttl, ttl - 1)
    )
    assert forward(sent, 1500) == [onward]


def test_options_stay_and_padding_of_the_link_goes() -> None:
    sent = IP(src="10.0.0.1", dst="10.1.0.1", ttl=9, options=b"\x94\x04\x00\x00") / ICMP()
    (onward,) = forward(bytes(sent) + b"padding", 1500)
    sent.ttl = 8
    assert onward == bytes(sent)


def test_ipv6_counts_hops_too() -> None:
    sent = IPv6(src="fd00::1", dst="fd01::1", hlim=64) / UDP(sport=1, dport=2) / b"data"
    (onward,) = forward(bytes(sent), 1500)
    assert onward[7] == 63
    assert onward[:7] + b"\x40" + onward[8:] == bytes(sent)


@pytest.mark.parametrize("ttl", [0, 1])
def test_the_last_hop(ttl: int) -> None:
    with pytest.raises(Expired):
        forward(bytes(IP(dst="10.1.0.1", ttl=ttl) / UDP()), 1500)
    with pytest.raises(Expired):
        forward(bytes(IPv6(dst="fd01::1", hlim=ttl) / UDP()), 1500)


def test_what_may_not_be_cut_is_too_big() -> None:
    exact = bytes(IP(dst="10.1.0.1", flags="DF") / UDP() / bytes(1000 - 28))
    assert len(forward(exact, 1000)) == 1
    with pytest.raises(TooBig) as caught:
        forward(exact, 999)
    assert caught.value.mtu == 999
    with pytest.raises(TooBig):
        forward(bytes(IPv6(dst="fd01::1") / UDP() / bytes(1400)), 1400)


@given(st.integers(68, 1499), st.integers(1, 3000))
def test_what_may_be_cut_is_whole_again_when_put_together(mtu: int, size: int) -> None:
    sent = (
        IP(src="10.0.0.1", dst="10.1.0.1", id=77, tos=2) / UDP(sport=1, dport=2) / bytes(n & 0xFF for n in range(size))
    )
    packets = forward(bytes(sent), mtu)
    assert all(len(packet) <= mtu for packet in packets)
    again = packets
    for smaller in (mtu - 8, 68):  # a second router with a smaller link cuts the pieces once more
        again = [piece for packet in again for piece in forward(packet, max(smaller, 68))]
    for pieces, hops in ((packets, 1), (again, 3)):
        if len(pieces) == 1:
            assert pieces[0][20:] == bytes(sent)[20:]
            continue
        (whole,) = defragment([IP(piece) for piece in pieces])
        assert bytes(whole[UDP]) == bytes(sent[UDP])
        assert (whole.ttl, whole.tos, whole.id) == (64 - hops, 2, 77)


def test_what_is_no_packet() -> None:
    with pytest.raises(Malformed):
        forward(b"\x45" + bytes(10), 1500)
    with pytest.raises(Malformed):
        forward(b"\x60" + bytes(10), 1500)
