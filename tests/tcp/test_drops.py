"""Whatever is dropped has a name, and what of the segment is good still counts."""

from dataclasses import replace

from tcp_peer import MS, PLAIN, SECOND, Peer, established, in_state

from pystack.tcp.config import TcpConfig
from pystack.tcp.drops import Drop
from pystack.tcp.events import Ending
from pystack.tcp.state import State


def full() -> Peer:
    """A connection whose window is shut, with 100 bytes of its own in flight."""
    p = established(replace(PLAIN, rcvbuf=2000))
    p.sends(100)
    p.gives(text=1000)
    p.gives(seq=1001, text=1000)
    p.waits(SECOND)
    assert p.c.tcb.rcv.wnd == 0
    return p


def test_text_while_the_window_is_shut() -> None:
    p = full()
    assert p.puts(seq=2001, text=500, ack=101) is Drop.SHUT_WINDOW
    assert p.c.tcb.snd.una == p.iss + 101, "its acknowledgement is good"
    assert p.takes() == [". 101:101(0) ack 2001"]
    assert p.puts("F.", seq=2001, ack=101) is Drop.SHUT_WINDOW
    assert p.puts(seq=2001, ack=101) is None


def test_a_peer_that_fills_a_shut_window_is_alive() -> None:
    """Keep-alive counts from its latest acknowledgement, though its text was dropped (MUST-26)."""
    p = full()
    p.puts(seq=2001, ack=101)
    p.c.prefs.change("keepalive", True)
    p.takes()
    p.waits(3600 * SECOND)
    p.puts(seq=2001, text=1, ack=101)
    assert p.c.received_at == p.now


def test_text_that_nobody_reads() -> None:
    p = in_state(State.FIN_WAIT_2)
    p.c.close(p.now)
    assert p.puts(text=b"late", ack=2) is Drop.NOBODY_READS
    assert (p.takes(), p.c.ending) == (["R. 2:2(0) ack 1"], Ending.ABORTED)
    assert p.puts(text=b"later", ack=2) is Drop.NOT_EXPECTED, "it is over"


def test_a_copy_of_text_out_of_order() -> None:
    p = established()
    assert p.puts(seq=1001, text=100) is None
    assert p.puts(seq=1001, text=100) is Drop.HELD_ALREADY
    assert p.puts(seq=1001, text=101) is None, "a part of it is new"


def test_copies_of_a_syn_are_answered_twice_a_second() -> None:
    p = in_state(State.SYN_RECEIVED)
    copies = [p.puts("S", seq=0, mss=1460) for _ in range(100)]
    assert copies == [None] + [Drop.SYN_AGAIN] * 99
    assert len(p.takes()) == 1
    p.waits(500 * MS)
    assert p.gives("S", seq=0, mss=1460) == ["S. 0:0(0) ack 1"]


def test_text_beyond_a_fin_is_not_kept() -> None:
    p = established(TcpConfig(timestamps=False, window_scaling=False), sack_permitted=True)
    p.gives(seq=2, text=1000)
    assert p.c.reassembly.held
    p.gives("F.")
    assert (p.state, p.c.reassembly.held) == (State.CLOSE_WAIT, 0)
    assert p.sent[-1].options.sack == ()
