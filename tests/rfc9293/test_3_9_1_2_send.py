"""RFC 9293 section 3.9.1.2: SEND."""

from rfc9293_common import mss
from scapy.layers.inet import TCP

from pystack.sock.constants import IPPROTO_TCP, MSG_MORE, TCP_CORK
from pystack.testing import Peer


def test_must_60_nothing_waits_for_ever(p: Peer) -> None:
    """Not behind Nagle, not behind a cork, not behind a promise of more."""
    c = p.established()
    c.sock.send(b"at once")
    c.expect("PA", text=b"at once")
    c.sock.send(b"later")
    c.send()
    c.expect("PA", text=b"later")
    c.send()
    c.sock.send(b"more to come", MSG_MORE)
    c.expect("PA", text=b"more to come", within="200 ms")
    c.send()
    c.sock.setsockopt(IPPROTO_TCP, TCP_CORK, 1)
    c.sock.send(b"corked")
    c.expect("PA", text=b"corked", within="200 ms")


def test_must_61_psh_on_the_last_segment_of_what_is_queued(p: Peer) -> None:
    c = p.established()
    c.sock.send(bytes(2 * mss(p) + 10))
    c.send()
    packets = p.skip()
    while packets[-1][TCP].payload and c.seq(packets[-1]) + len(packets[-1][TCP].payload) <= 2 * mss(p) + 10:
        c.send()
        packets += p.skip()
    assert [str(packet[TCP].flags) for packet in packets] == ["A", "A", "PA"]


def test_shld_27_pushes_are_collapsed_into_the_largest_segment(p: Peer) -> None:
    c = p.established()
    c.send("A", window=0)
    for _ in range(20):
        c.sock.send(bytes(100))
    p.skip()
    c.send("A", window=60_000)
    packets = p.skip()
    assert [len(packet[TCP].payload) for packet in packets] == [mss(p), 2000 - mss(p)]
    assert [packet[TCP].flags.P for packet in packets] == [False, True]


def test_shld_28_the_largest_segments_that_can_be(p: Peer) -> None:
    c = p.established()
    c.sock.send(bytes(10 * mss(p)))
    assert [len(packet[TCP].payload) for packet in p.skip()] == [mss(p)] * 10


def test_may_16_what_is_not_pushed_is_gathered(p: Peer) -> None:
    c = p.established()
    for text in (b"one ", b"two ", b"three "):
        c.sock.send(text, MSG_MORE)
        c.expect_nothing()
    c.sock.send(b"four")
    c.expect("PA", text=b"one two three four")
