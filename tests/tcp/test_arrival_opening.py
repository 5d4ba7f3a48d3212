"""Segments that arrive while a connection is being opened: CLOSED to SYN-RECEIVED (RFC 9293 section 3.10.7)."""

import pytest
from tcp_peer import MS, Peer, in_state

from pystack.tcp.arrival import reset_for
from pystack.tcp.config import TcpConfig
from pystack.tcp.events import Ending, Event
from pystack.tcp.state import State
from pystack.wire.tcp import ACK, FIN, RST, SYN, Segment

ACK_ONLY = [". 1:1(0) ack 1"]


# CLOSED and LISTEN


def test_what_answers_a_segment_to_a_closed_port() -> None:
    plain = Segment(500, 0, SYN | FIN, size=7)
    answer = reset_for(plain)
    assert answer is not None
    assert (answer.seq, answer.ack, answer.flags) == (0, 509, RST | ACK)
    answer = reset_for(Segment(500, 700, ACK))
    assert answer is not None
    assert (answer.seq, answer.flags) == (700, RST)
    assert reset_for(Segment(500, 700, RST | ACK)) is None


def test_listen_takes_a_syn_and_nothing_else() -> None:
    p = Peer(active=False)
    for flags in (".", "R", "F", "F.", "S.", "SF", "P"):
        assert p.gives(flags) == []
        assert p.state is State.LISTEN
    assert p.gives("S", seq=0, mss=1460) == ["S. 0:0(0) ack 1"]
    assert p.state is State.SYN_RECEIVED


# SYN-SENT


def test_syn_sent_takes_a_syn_ack() -> None:
    p = in_state(State.SYN_SENT)
    assert p.gives("S.", seq=0) == ACK_ONLY
    assert p.state is State.ESTABLISHED
    assert p.c.poll_event() & Event.CONNECTED


@pytest.mark.parametrize("ack", [0, 2, 1000])
def test_syn_sent_answers_an_ack_of_what_was_never_sent_with_a_reset(ack: int) -> None:
    p = in_state(State.SYN_SENT)
    assert p.gives("S.", seq=0, ack=ack) == [f"R {ack}:{ack}(0)"]
    assert p.state is State.SYN_SENT
    assert p.gives("R.", seq=0, ack=ack) == []
    assert p.state is State.SYN_SENT


def test_syn_sent_is_refused_by_a_reset_with_the_right_ack() -> None:
    """MUST-12."""
    p = in_state(State.SYN_SENT)
    assert p.gives("R", seq=0) == []
    assert p.state is State.SYN_SENT, "a RST without an ACK proves nothing"
    p.gives("R.", seq=0, ack=1)
    assert (p.state, p.c.ending) == (State.CLOSED, Ending.REFUSED)


def test_syn_sent_ignores_what_is_neither_syn_nor_reset() -> None:
    p = in_state(State.SYN_SENT)
    assert p.gives(".", ack=1, text=10) == []
    assert p.state is State.SYN_SENT


def test_text_and_fin_may_ride_on_the_syn_ack() -> None:
    p = in_state(State.SYN_SENT)
    assert p.gives("SF.", seq=0, text=b"hello") == [". 1:1(0) ack 7"]
    assert p.state is State.CLOSE_WAIT
    assert p.reads()[0] == b"hello"


def test_simultaneous_open() -> None:
    """MUST-10."""
    p = in_state(State.SYN_SENT)
    assert p.gives("S", seq=0, mss=1460) == ["S. 0:0(0) ack 1"]
    assert p.state is State.SYN_RECEIVED
    p.gives("S.", seq=0, ack=1)
    assert p.state is State.ESTABLISHED


def test_the_window_of_a_syn_is_never_scaled() -> None:
    """MUST-1; RFC 7323 section 2.2: not in a simultaneous open either."""
    for flags in ("S", "S."):
        p = Peer(TcpConfig())
        p.takes()
        p.gives(flags, seq=0, wnd=1024, wscale=7, mss=1460)
        if flags == "S":
            p.gives("S.", seq=0, wnd=1024, wscale=7, mss=1460)
        assert p.state is State.ESTABLISHED
        assert p.c.tcb.snd.wnd == 1024
        p.gives(".", wnd=1024)
        assert p.c.tcb.snd.wnd == 131_072


def test_the_window_of_a_syn_that_opens_from_afar_is_not_scaled_either() -> None:
    p = Peer(TcpConfig(), active=False)
    p.gives("S", seq=0, wnd=1024, wscale=7, mss=1460)
    assert (p.c.tcb.snd.wnd, p.c.tcb.snd.max_wnd) == (1024, 1024)


# SYN-RECEIVED


def test_syn_received_sends_its_syn_ack_again_for_the_same_syn() -> None:
    p = in_state(State.SYN_RECEIVED)
    assert p.gives("S", seq=0) == ["S. 0:0(0) ack 1"]
    assert p.gives(".") == []
    assert p.state is State.ESTABLISHED


def test_the_window_of_a_repeated_syn_ack_fits_its_field() -> None:
    """A segment beyond the window had been answered in between, with a window that is scaled and thus rounded up."""
    p = Peer(TcpConfig(), active=False)
    p.gives("S", seq=0, mss=1460, wscale=7)
    assert p.gives(".", seq=70_000) == [". 1:1(0) ack 1"]
    edge = p.c.tcb.rcv.nxt + p.c.tcb.rcv.wnd
    p.waits(500 * MS)
    assert p.gives("S", seq=0, mss=1460, wscale=7) == ["S. 0:0(0) ack 1"]
    assert p.sent[-1].wnd == 65535
    assert p.c.tcb.rcv.nxt + p.c.tcb.rcv.wnd == edge, "the right edge does not move left"


@pytest.mark.parametrize("ack", [0, 2, 70_000])
def test_syn_received_answers_a_wrong_ack_with_a_reset(ack: int) -> None:
    p = in_state(State.SYN_RECEIVED)
    assert p.gives(".", ack=ack) == [f"R {ack}:{ack}(0)"]
    assert p.state is State.SYN_RECEIVED


def test_syn_received_remembers_where_it_came_from() -> None:
    """MUST-11: a passive open is reset, an active one refused."""
    p = in_state(State.SYN_RECEIVED)
    p.gives("R", seq=1)
    assert p.c.ending is Ending.RESET
    p = in_state(State.SYN_SENT)
    p.gives("S", seq=0)
    p.gives("R", seq=1)
    assert p.c.ending is Ending.REFUSED


def test_syn_received_with_another_syn_in_the_window() -> None:
    p = in_state(State.SYN_RECEIVED)
    p.gives("S", seq=100)
    assert p.state is State.CLOSED


def test_a_fin_in_syn_received() -> None:
    p = in_state(State.SYN_RECEIVED)
    p.gives("F.", seq=1)
    assert p.state is State.CLOSE_WAIT


def test_close_in_syn_received_sends_the_fin_after_the_handshake() -> None:
    p = in_state(State.SYN_RECEIVED)
    p.c.shutdown_write()
    assert p.takes() == []
    assert p.gives(".") == ["F. 1:1(0) ack 1"]
    assert p.state is State.FIN_WAIT_1
