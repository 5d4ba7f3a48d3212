"""Damage, and who notices it."""

from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from path_lab import B4, B6, ip_packet, way_of
from scapy.all import ICMP, IP, TCP, UDP, ICMPv6EchoRequest, IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment, PadN, Raw

from pystack.link.counts import Counts
from pystack.link.damage import damaged
from pystack.link.entropy import random_bytes, stream
from pystack.link.intact import is_intact
from pystack.link.passage import Copy
from pystack.stack.config import Config
from pystack.stack.host import Host

PORT = 53
V4, V6 = IP(src="10.0.0.1", dst="10.0.0.2"), IPv6(src="fd00::1", dst="fd00::2")
TRANSPORTS = {
    "tcp": TCP(sport=1000, dport=PORT, seq=1, flags="S"),
    "udp": UDP(sport=1000, dport=PORT),
    "4 icmp": ICMP(id=7, seq=1),
    "6 icmp": ICMPv6EchoRequest(id=7, seq=1),
}
NETWORKS = {
    "4": V4,
    "4 options": V4.__class__(src="10.0.0.1", dst="10.0.0.2", options=[b"\x01\x01\x01\x00"]),
    "6": V6,
    "6 extension": V6 / IPv6ExtHdrDestOpt(options=[PadN(optdata=bytes(4))]),
}
KINDS = [
    (network, transport)
    for network in NETWORKS
    for transport in TRANSPORTS
    if not (transport[0] in "46" and transport[0] != network[0])
]


def packet_of(kind: tuple[str, str], text: bytes) -> bytes:
    return bytes(NETWORKS[kind[0]] / TRANSPORTS[kind[1]] / Raw(text))


def host() -> Host:
    """Listens and is bound on `PORT`, over both families, and answers pings."""
    found = Host(Config(addresses=((B4, 24), (B6, 64))), partial(random_bytes, stream(1, "entropy")))
    for wildcard in (bytes(4), bytes(16)):
        found.listen(wildcard, PORT, 5)
        endpoint = found.datagrams.open(wildcard)
        found.datagrams.bind(endpoint, wildcard, PORT)
    return found


def hears(stack: Host, packet: bytes) -> bool:
    """Whether anything comes of a packet."""
    stack.receive(packet, 0)
    return stack.poll_event() is not None or stack.poll_transmit(0) is not None


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_not_damaged_is_heard(kind: tuple[str, str]) -> None:
    packet = packet_of(kind, b"text")
    assert is_intact(packet)
    assert hears(host(), packet)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("text", [b"", b"odd", b"\xff\xfd"])
def test_every_flipped_bit_is_noticed(kind: tuple[str, str], text: bytes) -> None:
    packet, stack, counts = packet_of(kind, text), host(), Counts()
    for bit in range(8 * len(packet)):
        flipped = damaged(packet, Copy(0, bit, None), counts)
        difference = int.from_bytes(packet, "big") ^ int.from_bytes(flipped, "big")
        assert difference.bit_count() == 1
        assert not is_intact(flipped)
        assert not hears(stack, flipped), bit
    assert counts == Counts(corrupted=8 * len(packet))


@settings(max_examples=200)
@given(st.sampled_from(KINDS), st.binary(max_size=100), st.floats(0, 1, exclude_max=True))
def test_corruption_is_always_noticed(kind: tuple[str, str], text: bytes, where: float) -> None:
    packet = packet_of(kind, text)
    flipped = damaged(packet, Copy(0, int(where * 8 * len(packet)), None), Counts())
    assert flipped != packet
    assert not hears(host(), flipped)


def test_what_no_checksum_covers_is_spared() -> None:
    """IPv6's traffic class, flow label and hop limit; the length, where the bytes it cuts off happen to make up for it;
    a UDP checksum of one bit, without which there is none.
    """
    packet = packet_of(("6", "udp"), b"text")
    version = bytes([packet[0] ^ 0x80]) + packet[1:]
    for bit in (*range(4, 32), *range(56, 64)):
        assert damaged(packet, Copy(0, bit, None), Counts()) == version
    short = packet_of(("6", "tcp"), bytes(4) + b"\xff\xfd")  # 26 bytes, one bit of which is 2
    assert short[5] == 26
    assert damaged(short, Copy(0, 46, None), Counts())[0] >> 4 == 14
    one = bytes(IP(src="10.0.0.1", dst="10.0.0.2") / UDP(sport=1, dport=2, chksum=1) / Raw(b"ab"))
    assert damaged(one, Copy(0, 8 * 27 + 7, None), Counts())[0] >> 4 == 12


def test_fragments_are_damaged_where_they_notice_it_themselves() -> None:
    for fragment in (
        V4.__class__(dst="10.0.0.2", flags=1, proto=17) / Raw(b"abcdefgh"),
        V6 / IPv6ExtHdrFragment(m=1, nh=17) / Raw(b"abcdefgh"),
    ):
        packet = bytes(fragment)
        assert is_intact(packet)
        for bit in range(8 * len(packet)):
            assert not is_intact(damaged(packet, Copy(0, bit, None), Counts()))


def test_what_is_wrong_is_not_intact() -> None:
    for kind in KINDS:
        packet = packet_of(kind, b"text")
        assert not is_intact(packet[:-1] + bytes([packet[-1] ^ 1]))
    assert is_intact(bytes(V4 / UDP(sport=1, dport=2, chksum=0)))
    assert not is_intact(bytes(V6 / UDP(sport=1, dport=2, chksum=0))), "IPv6 wants one"


def test_what_is_cut_short_is_not_intact() -> None:
    for kind in KINDS:
        packet = packet_of(kind, b"text")
        assert not any(is_intact(packet[:size]) for size in range(len(packet)))
    assert is_intact(ip_packet(4, 253, b"whatever"))


def test_garbling_overwrites_a_run() -> None:
    packet, counts = packet_of(("4", "udp"), b"some text"), Counts()
    assert damaged(packet, Copy(0, None, (30, b"##")), counts) == packet[:30] + b"##" + packet[32:]
    assert damaged(packet, Copy(0, None, (30, packet[30:33])), counts) == packet, "the same bytes are no damage"
    assert counts == Counts(garbled=1)


def test_what_garbling_gets_past_the_checksums_is_counted() -> None:
    packet, counts = packet_of(("4", "udp"), b"abcd"), Counts()
    swapped = damaged(packet, Copy(0, None, (28, b"cdab")), counts)
    assert swapped == packet[:28] + b"cdab"
    assert hears(host(), swapped), "words in another order have the same sum"
    assert counts == Counts(garbled=1, undetected=1)


def test_garbling_over_a_way() -> None:
    packet = packet_of(("6", "tcp"), bytes(range(200)))
    way = way_of(garble=0.5)
    for n in range(4000):
        way.put(packet, n)
    came = list(way.due(10**9))
    changed = [data for data in came if data != packet]
    assert 1800 < len(changed) == way.counts.garbled < 2200
    assert {len(data) for data in came} == {len(packet)}
    passed = [data for data in changed if is_intact(data)]
    assert len(passed) == way.counts.undetected > 0, "those in what no checksum covers"
    assert len(passed) < 200
    runs = [len(bytes(a ^ b for a, b in zip(data, packet, strict=True)).strip(b"\0")) for data in changed]
    assert min(runs) == 1
    assert max(runs) > 150
