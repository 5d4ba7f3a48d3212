"""RFC 9293 section 3.8.2: congestion control."""

from itertools import pairwise

import pytest
from rfc9293_common import mss
from scapy.layers.inet import TCP

from pystack.sock.calls import Sock
from pystack.sock.constants import AF_INET, IPPROTO_TCP, TCP_CONGESTION
from pystack.tcp.config import TcpConfig
from pystack.tcp.congestion import registry
from pystack.tcp.congestion.base import AckSample, CongestionControl
from pystack.tcp.congestion.registry import register_congestion_control
from pystack.testing import Conversation, Peer

SCALED = [("MSS", 1460), ("WScale", 8)]


def flight(c: Conversation) -> int:
    """Full segments that the host sends now, all acknowledged afterwards."""
    size = mss(c.peer)
    packets = [packet for packet in c.peer.skip() if len(packet[TCP].payload) == size]
    return len(packets)


def acknowledge_each(c: Conversation, first: int, count: int) -> None:
    size = mss(c.peer)
    for n in range(first, first + count):
        c.send("A", ack=1 + (n + 1) * size)


def test_must_19_slow_start_doubles(p: Peer) -> None:
    c = p.established(options=SCALED, window=1000)
    c.sock.send(bytes(1 << 20))
    flights, acked = [], 0
    for _ in range(4):
        flights.append(flight(c))
        p.wait("100 ms")
        acknowledge_each(c, acked, flights[-1])
        acked += flights[-1]
    assert flights == [10, 20, 40, 80]


def test_must_19_after_a_loss_slow_start_to_half_and_then_one_a_round(p: Peer) -> None:
    c = p.established(options=SCALED, window=1000)
    c.sock.send(bytes(1 << 20))
    assert flight(c) == 10
    c.expect("A", size=mss(p), seq=1, within="250 ms")
    flights, acked = [], 1
    c.send("A", ack=1 + 10 * mss(p))  # the other nine had arrived
    acked = 10
    for _ in range(6):
        flights.append(flight(c))
        p.wait("10 ms")
        acknowledge_each(c, acked, flights[-1])
        acked += flights[-1]
    assert flights[-3:] == [flights[-3], flights[-3] + 1, flights[-3] + 2], flights
    assert flights[-3] <= 10


def test_must_19_time_outs_double(p: Peer) -> None:
    c = p.established()
    c.sock.send(b"text")
    p.wait("100 s")
    p.skip()
    times = [h.at for h in p.heard if bytes(h.packet[TCP].payload)]
    waits = [(b - a) // 1_000_000 for a, b in pairwise(times)]
    assert waits[:8] == [waits[0] << n for n in range(8)]


def ecn_bits(packet) -> int:  # type: ignore[no-untyped-def]
    return (packet.tos if packet.version == 4 else packet.tc) & 3


def marked(packet):  # type: ignore[no-untyped-def]
    if packet.version == 4:
        packet.tos = 3
    else:
        packet.tc = 3
    return packet


def test_shld_8_ecn_accepted(p: Peer) -> None:
    """RFC 3168 section 6.1: agreed on, used for new text, marks echoed until the peer has answered."""
    c = p.established(flags="SEC")
    assert p.heard[0].packet[TCP].flags == "SAE"
    assert ecn_bits(p.heard[0].packet) == 0
    c.sock.send(b"text")
    assert ecn_bits(c.expect("PA")) == 2
    p.send(marked(c.packet("PA", b"1")))
    assert ecn_bits(c.expect("AE", ack=2)) == 0
    c.send("PA", b"2", seq=2)
    c.expect("AE", ack=3)
    c.send("PAC", b"3", seq=3)
    c.expect("A", ack=4)


def test_shld_8_an_echo_halves_the_window_once(p: Peer) -> None:
    c = p.established(flags="SEC", options=SCALED, window=1000)
    c.sock.send(bytes(1 << 20))
    assert flight(c) == 10
    c.send("AE", ack=1 + mss(p))
    c.send("AE", ack=1 + 2 * mss(p))
    assert c.sock.tcp_info(p.now).snd_cwnd == 5, "half of what was in flight before the echo"
    p.skip()
    c.send("A", ack=1 + 10 * mss(p))
    assert c.expect(size=mss(p))[TCP].flags.C, "the peer learns that we have reduced"
    assert not c.expect(size=mss(p))[TCP].flags.C


def test_shld_8_ecn_asked_for(p: Peer) -> None:
    c = p.syn_sent(tcp=TcpConfig(ecn=1))
    assert p.heard[0].packet[TCP].flags == "SEC"
    c.send("SAE", options=[("MSS", 1460)])
    c.expect("A")
    c.sock.send(b"text")
    assert ecn_bits(c.expect("PA")) == 2


def test_shld_8_what_is_sent_again_is_not_ecn_capable(p: Peer) -> None:
    """RFC 3168 section 6.1.5, after a time-out and after duplicate ACKs; new text is, in the same recovery."""
    c = p.established(flags="SEC", options=SCALED, window=1000)
    c.sock.send(bytes(1 << 20))
    assert [ecn_bits(packet) for packet in p.skip()] == [2] * 10
    for _ in range(3):
        c.send("A", ack=1, window=1000)
    new, again = [], []
    for packet in p.skip():
        (again if c.seq(packet) == 1 else new).append(ecn_bits(packet))
    assert (new, again) == ([2, 2], [0])
    assert ecn_bits(c.expect(seq=1, size=mss(p), within="3 s")) == 0


def test_without_agreement_nothing_is_marked(p: Peer) -> None:
    c = p.established()
    c.sock.send(b"text")
    assert ecn_bits(c.expect("PA")) == 0
    p.send(marked(c.packet("PA", b"1")))
    c.expect("A", ack=2)


class Always3(CongestionControl):
    """Not a good idea; but somebody's own."""

    def on_ack(self, sample: AckSample, now: int) -> None:
        self.cwnd = 3

    def on_loss(self, in_flight: int, now: int) -> None:
        self.cwnd = 3

    def on_rto(self, in_flight: int, now: int, *, repeated: bool) -> None:
        self.cwnd = 3


def test_may_18_another_congestion_control(p: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pystack.tcp.congestion.registry._factories", dict(registry._factories))
    register_congestion_control("always3", lambda _: Always3(3))
    usual = p.established(options=SCALED, window=1000)
    usual.sock.send(bytes(1 << 20))
    assert flight(usual) == 10
    sock = Sock(p.host, AF_INET)
    sock.setsockopt(IPPROTO_TCP, TCP_CONGESTION, b"always3")
    c = p.established(tcp=sock.settings, options=SCALED, window=1000)
    c.sock.send(bytes(1 << 20))
    assert flight(c) == 3
    c.send("A", ack=1 + 3 * mss(p))
    assert flight(c) == 3


@pytest.mark.parametrize("sack", [False, True])
def test_the_first_two_duplicates_send_new_text(p: Peer, sack: bool) -> None:
    """Limited transmit (RFC 3042), then fast retransmit (RFC 5681 section 3.2)."""
    size = mss(p)
    c = p.established(options=[*SCALED, ("SAckOK", b"")] if sack else SCALED, window=0xFFFF)
    c.sock.send(bytes(1 << 20))
    assert flight(c) == 10
    for n in (1, 2):
        c.send("A", ack=1, sack=[(1 + size, 1 + (1 + n) * size)] if sack else None)
        c.expect(seq=1 + (9 + n) * size, size=size)
        c.expect_nothing()
    c.send("A", ack=1, sack=[(1 + size, 1 + 4 * size)] if sack else None)
    c.expect(seq=1, size=size)
