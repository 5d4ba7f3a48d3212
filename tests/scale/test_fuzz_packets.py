"""The tool that makes damaged packets, and the one that adds up the counters, without a network."""

from types import ModuleType

import pytest
from scapy.layers.inet import IP, TCP
from scapy.layers.inet6 import IPv6

OWN = [bytes((10, 0, 0, 2)), bytes.fromhex("fd00" + 27 * "0" + "2")]
PEERS = [bytes((10, 0, 0, 1)), bytes.fromhex("fd00" + 27 * "0" + "1")]


def syn_ack(v6: bool = False) -> bytes:
    ip = IPv6(src="fd00::2", dst="fd00::1") if v6 else IP(src="10.0.0.2", dst="10.0.0.1")
    return bytes(ip / TCP(sport=80, dport=5000, seq=700, ack=900, flags="SA"))


def test_the_same_seed_draws_the_same_packets(tools: tuple[ModuleType, ModuleType]) -> None:
    def drawn(seed: int) -> list[bytes]:
        packets = tools[0].Packets(seed, OWN, PEERS, [80, 7])
        for number in range(500):
            packets.draw()
            if number == 100:
                packets.learn(syn_ack())
                packets.learn(syn_ack(v6=True))
        return [packets.draw() for _ in range(3000)]

    first = drawn(1)
    assert first == drawn(1)
    assert first != drawn(2)
    assert {packet[0] >> 4 for packet in first} >= {4, 6}
    assert all(1 <= len(packet) <= 1500 for packet in first)


@pytest.mark.parametrize("v6", [False, True])
def test_peers_that_go_away_reset_with_the_number_that_is_expected(
    tools: tuple[ModuleType, ModuleType], v6: bool
) -> None:
    packets = tools[0].Packets(1, OWN, PEERS, [80])
    packets.learn(syn_ack(v6))
    (reset,) = packets.resets()
    got = (IPv6 if v6 else IP)(reset)
    assert (got.src, got.dst) == (("fd00::1", "fd00::2") if v6 else ("10.0.0.1", "10.0.0.2"))
    assert (got[TCP].sport, got[TCP].dport, got[TCP].seq, got[TCP].flags) == (5000, 80, 900, "R")
    again = (IPv6 if v6 else IP)(bytes(got))
    again[TCP].chksum = None
    assert bytes(again) == reset, "scapy computes the same checksum"
    assert packets.resets() == []


def test_what_is_not_accounted_for_is_told(tools: tuple[ModuleType, ModuleType]) -> None:
    unaccounted = tools[1].unaccounted
    counters = {"IpInReceives": 10, "IpInDelivers": 6, "IpInHdrErrors": 1, "IpReasmReqds": 4, "IpReasmOKs": 1}
    counters |= {"TcpInSegs": 3, "UdpNoPorts": 2, "IcmpInMsgs": 1}
    assert list(unaccounted(counters, 10)) == []
    assert len(list(unaccounted(counters, 11))) == 1
    assert len(list(unaccounted(counters | {"IpInHdrErrors": 0}, 10))) == 1
    assert len(list(unaccounted(counters | {"TcpInSegs": 2}, 10))) == 1
    assert list(unaccounted(counters | {"PystackDefects": 2}, 10)) == ["2 exceptions"]
