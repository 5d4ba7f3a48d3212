"""RFC 9293 section 3.8.6.2.1: silly-window avoidance by the sender."""

from rfc9293_common import mss
from scapy.layers.inet import TCP

from pystack.sock.constants import IPPROTO_TCP, TCP_NODELAY
from pystack.testing import Peer


def test_must_38_no_segment_that_only_the_window_keeps_small(p: Peer) -> None:
    """Not even without Nagle."""
    c = p.established(window=0xFFFF)
    c.sock.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
    c.send("A", window=mss(p) + 500)
    c.sock.send(bytes(10_000))
    c.expect("A", seq=1, size=mss(p))
    c.expect_nothing("100 ms")
    c.send("A", window=500)
    c.expect_nothing("100 ms")
    c.send("A", window=2 * mss(p))
    assert [len(packet[TCP].payload) for packet in p.skip()] == [mss(p)] * 2


def test_must_38_half_of_a_small_window_is_worth_it(p: Peer) -> None:
    c = p.established(window=1000)
    c.sock.send(bytes(10_000))
    assert [len(packet[TCP].payload) for packet in p.skip()] == [500, 500]
