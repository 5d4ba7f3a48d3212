"""RFC 9293 section 3.7.4: the Nagle algorithm."""

from pystack.sock.constants import IPPROTO_TCP, TCP_NODELAY
from pystack.testing import Peer


def test_shld_7_a_small_segment_waits_for_the_acknowledgement_of_another(p: Peer) -> None:
    c = p.established()
    c.sock.send(b"one")
    c.expect("PA", seq=1, text=b"one")
    c.sock.send(b"two")
    c.sock.send(b"three")
    c.expect_nothing("100 ms")
    c.send()
    c.expect("PA", seq=4, text=b"twothree")


def test_must_17_an_application_can_turn_it_off(p: Peer) -> None:
    c = p.established()
    other = p.established()
    c.sock.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
    for text in (b"one", b"two", b"three"):
        c.sock.send(text)
        c.expect("PA", text=text)
    other.sock.send(b"one")
    other.expect("PA", text=b"one")
    other.sock.send(b"two")
    other.expect_nothing("100 ms")
