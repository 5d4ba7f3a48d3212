"""RFC 9293 section 3.8.6.1: zero-window probing."""

from itertools import pairwise

from rfc9293_common import filled
from scapy.layers.inet import TCP

from pystack.tcp.state import State
from pystack.testing import Conversation, Peer


def shut(p: Peer) -> Conversation:
    """The peer has shut its window, and the host has text."""
    c = p.established()
    c.send("A", window=0)
    c.sock.send(b"waiting")
    return c


def test_must_36_a_shut_window_is_probed(p: Peer) -> None:
    """With an old number and no text: the peer has to answer, and says what its window is."""
    c = shut(p)
    c.expect("A", seq=0, size=0, within="1 s")
    c.send("A", window=1000)
    c.expect("PA", seq=1, text=b"waiting")


def test_must_37_open_for_as_long_as_probes_are_answered(p: Peer) -> None:
    c = shut(p)
    probes = 0
    for _ in range(24 * 60):
        p.wait("1 min")
        probes += len(p.skip())
        c.send("A", window=0)
    assert probes > 24 * 20
    assert c.state is State.ESTABLISHED
    c.send("A", window=1000)
    c.expect("PA", text=b"waiting")


def test_shld_29_the_first_probe_after_one_time_out(p: Peer) -> None:
    c = p.syn_sent()
    p.wait("100 ms")
    c.send("SA", window=0)
    c.expect("A")
    c.sock.send(b"waiting")
    c.expect_nothing("299 ms")
    c.expect("A", size=0, within="1 ms")


def test_shld_30_intervals_grow(p: Peer) -> None:
    shut(p)
    p.wait("60 s")
    times = [h.at for h in p.heard[1:]]
    waits = [(b - a) // 1_000_000 for a, b in pairwise(times)]
    assert len(waits) >= 6
    assert waits[:6] == [waits[0] << n for n in range(6)]


def test_may_8_a_receiver_may_stay_shut(p: Peer) -> None:
    c = filled(p)
    for _ in range(100):
        p.wait("1 min")
        c.send("A", b"?", seq=4001)
        assert c.expect("A", ack=4001)[TCP].window == 0
    assert len(c.sock.recv(10_000)) == 4000
