"""RFC 9293 section 3.8.6.2.2: silly-window avoidance by the receiver."""

from rfc9293_common import TINY, filled
from scapy.layers.inet import TCP

from pystack.testing import Peer


def test_must_39_the_window_opens_by_a_useful_step(p: Peer) -> None:
    c = filled(p)
    c.sock.recv(100)
    c.expect_nothing("1 s")
    c.send("A", b"?", seq=4001)
    assert c.expect("A", ack=4001)[TCP].window == 0, "a hundred bytes are not worth a word"
    c.sock.recv(2000)
    assert c.expect("A", ack=4001, within="1 s")[TCP].window > 1500


def test_must_39_nor_does_it_grow_by_less(p: Peer) -> None:
    c = p.established(tcp=TINY)
    c.send("PA", 700)
    c.send("PA", 1300)
    p.wait("1 s")
    p.skip()
    c.sock.recv(700)
    c.send("PA", b"x")
    p.wait("1 s")
    assert p.skip()[-1][TCP].window == 4000 - 2001
