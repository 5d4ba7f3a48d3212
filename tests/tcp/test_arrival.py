"""A segment arrives: the first five steps of RFC 9293 section 3.10.7.4, with RFC 5961."""

import pytest
from tcp_peer import MS, PLAIN, Peer, established, in_state

from pystack.tcp.config import TcpConfig
from pystack.tcp.events import Ending
from pystack.tcp.seq import is_acceptable
from pystack.tcp.state import SYNCHRONIZED, State

SYNCHRONIZED_STATES = sorted(SYNCHRONIZED)
ACK_ONLY = [". 1:1(0) ack 1"]


# The acceptability test


@pytest.mark.parametrize(
    ("seq", "length", "window", "expected"),
    [
        # no text, window shut
        (100, 0, 0, True),
        (99, 0, 0, False),
        (101, 0, 0, False),
        # no text, window open
        (100, 0, 10, True),
        (109, 0, 10, True),
        (99, 0, 10, False),
        (111, 0, 10, False),
        # text, window shut
        (100, 1, 0, False),
        (99, 2, 0, False),
        # text, window open: its first or its last byte lies within
        (100, 10, 10, True),
        (109, 5, 10, True),
        (110, 5, 10, False),
        (95, 5, 10, False),
        (95, 6, 10, True),
        (90, 100, 10, False),
        (100, 11, 10, True),  # the part that fits is taken
    ],
)
def test_the_four_cases_of_acceptability(seq: int, length: int, window: int, expected: bool) -> None:
    assert is_acceptable(seq, length, 100, window) is expected


def test_an_ack_at_the_right_edge_is_acceptable() -> None:
    """A peer that has filled our window sends its pure ACKs from there; without them our side would stall."""
    assert is_acceptable(110, 0, 100, 10)
    p = established(TcpConfig(rcvbuf=2000, timestamps=False, window_scaling=False))
    p.sends(1000)
    p.gives(seq=2001, ack=1001)
    assert p.c.tcb.snd.una == p.iss + 1001


# The first step: the sequence number


@pytest.mark.parametrize("state", SYNCHRONIZED_STATES)
def test_text_outside_of_the_window_is_answered_with_an_ack(state: State) -> None:
    p = in_state(state)
    shown = p.gives(seq=-999, text=10)
    assert len(shown) == 1
    assert shown[0].startswith(". ")
    assert p.state is state


def test_answers_to_what_carries_no_text_are_rate_limited() -> None:
    """RFC 5961 section 7: no ACK war."""
    p = established()
    assert p.gives(seq=-999) == ACK_ONLY
    assert p.gives(seq=-999) == []
    p.waits(500 * MS)
    assert p.gives(seq=-999) == ACK_ONLY


def test_a_repeated_fin_is_answered_each_time() -> None:
    """It occupies a number, so it is no half of an ACK war; and the peer waits for nothing else."""
    p = in_state(State.CLOSE_WAIT)
    assert [p.gives("F.", seq=1), p.gives("F.", seq=1)] == [[". 1:1(0) ack 2"]] * 2


def test_a_segment_without_ack_is_dropped_in_silence() -> None:
    p = established()
    assert p.gives("P", text=10) == []
    assert p.gives("", text=10) == []
    assert p.c.recvbuf.size == 0


def test_a_shut_window_takes_acks_resets_and_no_text() -> None:
    """MUST-66."""
    p = established(TcpConfig(rcvbuf=2000, timestamps=False, window_scaling=False))
    p.gives(text=1000)
    p.gives(seq=1001, text=1000)
    assert p.c.tcb.rcv.wnd == 0
    p.sends(10)
    assert p.gives(seq=2001, ack=11, text=1) == [". 11:11(0) ack 2001"]
    assert p.c.tcb.snd.una == p.iss + 11
    assert p.c.recvbuf.size == 2000
    p.gives("R", seq=2001, text=b"why", ack=0)
    assert p.c.ending is Ending.RESET, "SHLD-2: a RST may carry text"


def test_a_window_probe_is_answered() -> None:
    """MUST-36."""
    p = established()
    assert p.gives(seq=0) == ACK_ONLY


# The second step: the RST bit


@pytest.mark.parametrize("state", SYNCHRONIZED_STATES)
def test_only_an_exact_reset_resets(state: State) -> None:
    """RFC 5961 section 3.2; SHLD-2."""
    nxt = in_state(state).c.tcb.rcv.nxt - 5_000_000
    p = in_state(state)
    assert len(p.gives("R", seq=nxt + 5)) == 1, "in the window: a challenge ACK"
    assert p.state is state
    assert p.gives("R", seq=nxt + 6) == [], "which is rate limited"
    assert p.gives("R", seq=nxt - 1) == []
    assert p.gives("R", seq=nxt + 70_000) == []
    assert p.state is state
    p.gives("R", seq=nxt, text=b"why")
    assert p.state is State.CLOSED
    assert p.takes() == []


@pytest.mark.parametrize(
    ("state", "ending"),
    [
        (State.ESTABLISHED, Ending.RESET),
        (State.FIN_WAIT_1, Ending.RESET),
        (State.FIN_WAIT_2, Ending.RESET),
        (State.CLOSE_WAIT, Ending.RESET),
        (State.CLOSING, Ending.NORMAL),
        (State.LAST_ACK, Ending.NORMAL),
        (State.TIME_WAIT, Ending.NORMAL),
    ],
)
def test_what_a_reset_means_to_the_application(state: State, ending: Ending) -> None:
    """MUST-12."""
    p = in_state(state)
    p.gives("R", seq=p.c.tcb.rcv.nxt - p.irs)
    assert p.c.ending is ending


@pytest.mark.parametrize("state", [State.CLOSING, State.LAST_ACK])
def test_a_reset_that_loses_text_is_no_normal_end(state: State) -> None:
    """MUST-12."""
    p = established()
    p.c.send(b"never acknowledged")
    if state is State.CLOSING:
        p.c.shutdown_write()
        p.takes()
        p.gives("F.", ack=1)
    else:
        p.gives("F.")
        p.c.shutdown_write()
        p.takes()
    assert p.state is state
    p.gives("R", seq=2)
    assert p.c.ending is Ending.RESET


# The fourth step: the SYN bit


@pytest.mark.parametrize("state", SYNCHRONIZED_STATES)
def test_a_syn_in_a_synchronized_state_is_challenged(state: State) -> None:
    """RFC 5961 section 4.2."""
    p = in_state(state)
    seq = p.c.tcb.rcv.nxt - p.irs
    assert len(p.gives("S", seq=seq)) == 1
    assert p.gives("S.", seq=seq) == []
    assert p.state is state


# The fifth step: the ACK field


@pytest.mark.parametrize("ack", [2, 100, 1 - 65535 - 1])
def test_an_ack_outside_of_what_was_sent_is_challenged_and_its_text_unused(ack: int) -> None:
    """MAY-12; RFC 5961 section 5.2."""
    p = established()
    assert p.gives(ack=ack, text=10) == ACK_ONLY
    assert p.c.recvbuf.size == 0
    assert p.gives(ack=ack, text=10) == []


def test_an_old_ack_does_no_harm_and_its_text_counts() -> None:
    p = established()
    p.sends(3000)
    p.gives(ack=3001, wnd=60_000)
    assert p.gives(ack=1461, wnd=100, text=10)[-1:] in ([], [". 3001:3001(0) ack 11"])
    assert p.c.tcb.snd.una == p.iss + 3001
    assert p.c.tcb.snd.wnd == 60_000
    assert p.c.recvbuf.size == 10


def test_the_window_is_taken_from_new_segments_only() -> None:
    p = established()
    p.gives(wnd=5000)
    assert p.c.tcb.snd.wnd == 5000
    p.gives(seq=1, text=10, wnd=6000)
    p.gives(seq=1, text=5, wnd=7000)
    assert p.c.tcb.snd.wnd == 6000, "SEG.SEQ is older than SND.WL1"


def test_an_ack_that_advances_brings_its_window_with_it() -> None:
    """However old the number of the segment that carries it: the offered right edge is 2921 all the time."""
    p = established(wnd=2920)
    p.gives(seq=101, text=100, wnd=2920)
    p.sends(5000)
    p.gives(seq=1, text=100, ack=1461, wnd=1460)
    assert p.c.tcb.snd.una + p.c.tcb.snd.wnd == p.iss + 2921


def test_an_ack_of_our_fin_moves_every_closing_state_on() -> None:
    for state, target in (
        (State.FIN_WAIT_1, State.FIN_WAIT_2),
        (State.CLOSING, State.TIME_WAIT),
        (State.LAST_ACK, State.CLOSED),
    ):
        p = in_state(state)
        p.gives(seq=p.c.tcb.rcv.nxt - p.irs, ack=2)
        assert p.state is target
    assert p.c.ending is Ending.NORMAL


@pytest.mark.parametrize("state", [State.FIN_WAIT_1, State.CLOSING, State.LAST_ACK])
def test_an_ack_of_less_than_our_fin_moves_no_closing_state_on(state: State) -> None:
    p = in_state(state)
    p.gives(seq=p.c.tcb.rcv.nxt - p.irs, ack=1)
    assert p.state is state
    assert next(shown for _, shown in p.waits(p.c.rtt.rto)).startswith("F. 1:1(0)"), "the FIN was lost, and goes again"


# Numbers that wrap


@pytest.mark.parametrize("iss", [2**32 - 1, 2**32 - 2, 2**32 - 1000, 0])
@pytest.mark.parametrize("irs", [2**32 - 1, 2**32 - 700, 0])
def test_sequence_numbers_wrap(iss: int, irs: int) -> None:
    p = Peer(PLAIN, iss=iss, irs=irs)
    p.takes()
    p.gives("S.", seq=0, mss=1460)
    p.sends(5000)
    p.gives(ack=1461)
    p.gives(seq=1001, text=1000, ack=5001)
    p.gives(seq=1, text=1000, ack=5001)
    assert p.c.recvbuf.size == 2000
    assert not p.c.board
    assert p.c.info(p.now).bytes_acked == 5000
    p.gives("F.", seq=2001, ack=5001)
    assert p.state is State.CLOSE_WAIT
