"""RFC 9293 section 3.8.6: managing the window."""

import pytest
from rfc9293_common import TINY, mss, takes_all
from scapy.layers.inet import TCP

from pystack.tcp.state import State
from pystack.testing import Conversation, Peer


def shrunk(p: Peer, window: int) -> Conversation:
    """Four full segments are in flight, of which the peer has one, and takes back the window that it has offered."""
    c = p.established()
    c.sock.send(bytes(4 * mss(p)))
    for n in range(4):
        c.expect(seq=1 + n * mss(p), size=mss(p))
    c.sock.send(bytes(4 * mss(p)))
    p.skip()
    c.send("A", ack=1 + mss(p), window=window)
    return c


@pytest.mark.parametrize("packets", [0, 1, 3])
def test_must_34_a_window_that_shrinks_does_no_harm(p: Peer, packets: int) -> None:
    """What is in flight counts: a window of three packets has no room for a fourth, or an eighth."""
    window = packets * mss(p) + 100
    c = shrunk(p, window)
    assert c.connection.tcb.snd.una + window < c.connection.tcb.snd.nxt, "the usable window is negative"
    c.sock.send(bytes(4 * mss(p)))
    c.expect_nothing()
    p.wait("5 s")
    assert all(c.seq(packet) < 1 + 8 * mss(p) for packet in p.skip())
    c.send("A", ack=1 + mss(p), window=60_000)
    while takes_all(c, "3 s"):
        c.send("A", window=60_000)
    assert c.sock.tcp_info(p.now).bytes_acked == 12 * mss(p)


def test_must_35_a_window_that_shrinks_to_zero_is_probed(p: Peer) -> None:
    c = shrunk(p, 0)
    c.send("A", ack=1 + 8 * mss(p), window=0)  # all has been taken after all
    c.sock.send(b"more")
    p.skip()
    c.expect("A", size=0, within="1 s")
    c.expect("A", size=0, within="2 s")


def test_shld_14_the_right_edge_never_moves_left(p: Peer) -> None:
    c = p.established(tcp=TINY)
    at, edge = 1, 0
    for size in (1, 700, 3, 1, 1, 900, 50, 7, 1000):
        c.send("PA", size, seq=at)
        at += size
        p.wait("250 ms")
        for packet in p.skip():
            right = c.ack(packet) + packet[TCP].window
            assert right >= edge
            edge = right
        c.sock.recv(3)
    assert edge > 1


def test_shld_15_no_new_data_while_it_is_shrunk(p: Peer) -> None:
    c = shrunk(p, mss(p))
    c.sock.send(bytes(5 * mss(p)))
    c.expect_nothing()
    p.wait("10 s")
    assert all(c.seq(packet) < 1 + 8 * mss(p) for packet in p.skip())


def test_shld_16_old_data_in_the_window_goes_again(p: Peer) -> None:
    c = shrunk(p, 2 * mss(p))
    p.wait("1 s")
    again = [c.seq(packet) for packet in p.skip()]
    assert again
    assert again[0] == 1 + mss(p)
    c.send("A", ack=1 + 2 * mss(p), window=2 * mss(p))
    assert [c.seq(packet) for packet in p.skip()] == [1 + 2 * mss(p), 1 + 3 * mss(p)], "two fit, and no third"


def test_shld_17_no_time_out_for_data_beyond_the_edge(p: Peer) -> None:
    """The peer is there, and answers: it takes nothing more."""
    c = shrunk(p, 0)
    for _ in range(200):
        p.wait("10 s")
        if p.skip():
            c.send("A", ack=1 + mss(p), window=0)
    assert p.now > 1000 * 1_000_000_000
    assert c.state is State.ESTABLISHED


def test_may_7_old_data_beyond_the_edge_may_go_again(p: Peer) -> None:
    """The first packet does, as a probe; no other."""
    c = shrunk(p, 10)
    p.wait("20 s")
    assert {c.seq(packet) for packet in p.skip()} == {1 + mss(p)}


@pytest.mark.parametrize("fit", [0, 1, 3])
def test_may_7_no_more_than_the_first_though_five_are_lost(p: Peer, fit: int) -> None:
    """Here the congestion window has room for all that is lost, and only what fits the peer's goes beside the first."""
    size = mss(p)
    c = p.established(options=[("MSS", 1460), ("SAckOK", b"")])
    c.sock.send(bytes(10 * size))
    assert len(p.skip()) == 10
    c.send("A", ack=1, sack=[(1 + 5 * size, 1 + 10 * size)], window=fit * size + 10)
    assert c.sock.tcp_info(p.now).snd_cwnd == 5
    assert [c.seq(packet) for packet in p.skip()] == [1 + n * size for n in range(max(fit, 1))]
