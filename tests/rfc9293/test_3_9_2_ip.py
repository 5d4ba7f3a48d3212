"""RFC 9293 section 3.9.2: the interface to IP."""

from collections.abc import Callable

import pytest
from scapy.layers.inet import IP, TCP, IPOption
from scapy.layers.inet6 import IPv6ExtHdrDestOpt, IPv6ExtHdrHopByHop, PadN, RouterAlert

from pystack.testing import Peer


def lifetime(packet) -> int:  # type: ignore[no-untyped-def]
    return packet.ttl if packet.version == 4 else packet.hlim


def test_must_49_the_ttl_can_be_set(peer_of: Callable[..., Peer]) -> None:
    p = peer_of(ttl=33)
    c = p.fin_wait_1()
    c.send("R")
    p.send(TCP(sport=9, dport=9, flags="S"))
    p.expect(TCP, flags="RA")
    assert {lifetime(h.packet) for h in p.heard} == {33}


V4 = [
    b"\x94\x04\x00\x00",
    b"\x44\x08\x05\x00\x00\x00\x00\x00",
    b"\x07\x07\x04\x00\x00\x00\x00\x00",
    b"\x9e\x04\x00\x00",
]


@pytest.mark.parametrize("number", range(4))
def test_must_50_ip_options_are_passed_over(p: Peer, number: int) -> None:
    """Router alert, timestamps, record route and one that nobody knows; for IPv6 the headers that carry options."""
    c = p.established()
    packet = c.packet("PA", b"text")
    if p.family == 4:
        packet.options = [IPOption(V4[number])]
        assert packet[IP].options
    else:
        headers = [
            IPv6ExtHdrHopByHop(options=[RouterAlert()]),
            IPv6ExtHdrDestOpt(options=[PadN(optdata=bytes(4))]),
            IPv6ExtHdrHopByHop() / IPv6ExtHdrDestOpt(),
            IPv6ExtHdrDestOpt(options=[PadN(otype=0x1E, optdata=b"???")]),
        ]
        packet = type(packet)(src=packet.src, dst=packet.dst) / headers[number] / packet[TCP]
    p.send(packet)
    c.expect("A", ack=5)
    assert c.sock.recv(100) == b"text"
