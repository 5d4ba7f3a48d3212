"""A segment arrives: RFC 9293 section 3.10.7, state by state, with RFC 5961 and RFC 7323."""

import pytest
from tcp_peer import MS, PLAIN, SECOND, Peer, established, in_state

from pystack.tcp.arrival import reset_for
from pystack.tcp.config import TcpConfig
from pystack.tcp.events import Ending, Event
from pystack.tcp.seq import is_acceptable
from pystack.tcp.state import SYNCHRONIZED, State
from pystack.wire.tcp import ACK, FIN, RST, SYN, Segment

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


# The seventh step: text


def test_in_order_text_is_read_as_sent() -> None:
    p = established(quick=True)
    assert p.gives(text=b"hello ") == [". 1:1(0) ack 7"]
    assert p.c.poll_event() & Event.READABLE
    p.gives(seq=7, text=b"world")
    assert p.reads()[0] == b"hello world"


def test_text_out_of_order_is_kept_and_acknowledged_at_once() -> None:
    """SHLD-31, MAY-13."""
    p = established()
    assert p.gives(seq=4, text=b"def") == ACK_ONLY
    assert p.gives(seq=10, text=b"jkl") == ACK_ONLY
    assert p.gives(seq=1, text=b"abc") == [". 1:1(0) ack 7"]
    assert p.gives(seq=7, text=b"ghi") == [". 1:1(0) ack 13"]
    assert p.reads()[0] == b"abcdefghijkl"


def test_sack_blocks_report_the_latest_first() -> None:
    """RFC 2018 section 4."""
    p = established(TcpConfig(timestamps=False, window_scaling=False), sack_permitted=True)
    for seq in (101, 301, 501, 701, 901):
        p.gives(seq=seq, text=100)
    assert [left - p.irs for left, _ in p.sent[-1].options.sack] == [901, 701, 501, 301]
    p.gives(seq=401, text=100)
    assert [(a - p.irs, b - p.irs) for a, b in p.sent[-1].options.sack] == [(301, 601), (901, 1001), (701, 801)]
    p.gives(seq=1, text=100)
    assert p.sent[-1].ack == p.irs + 201


def test_overlapping_text_counts_once() -> None:
    p = established()
    p.gives(seq=1, text=b"abcd")
    assert p.gives(seq=3, text=b"cdef") == [". 1:1(0) ack 7"]
    assert p.gives(seq=2, text=b"bcd") == [". 1:1(0) ack 7"]
    assert p.reads()[0] == b"abcdef"


def test_text_beyond_the_window_is_cut_off() -> None:
    p = established(TcpConfig(rcvbuf=1000, timestamps=False, window_scaling=False))
    assert p.gives("F.", text=1100) == [". 1:1(0) ack 1001"]
    assert p.c.recvbuf.size == 1000
    assert not p.c.eof, "the FIN lay behind it"


@pytest.mark.parametrize("state", [State.CLOSE_WAIT, State.CLOSING, State.LAST_ACK, State.TIME_WAIT])
def test_text_after_the_fin_is_ignored(state: State) -> None:
    p = in_state(state)
    p.gives(seq=2, text=10, ack=1)
    assert p.c.recvbuf.size == 0
    assert p.state is state


def test_many_tiny_pieces_out_of_order_are_bounded_in_memory() -> None:
    """The window bounds what they carry, but not what it costs to keep them."""
    p = established(TcpConfig(rcvbuf=10_000, timestamps=False, window_scaling=False))
    for seq in range(2, 9_000, 2):
        p.puts(seq=seq, text=1)
    assert p.c.reassembly.held <= 2 * 10_000 + 500
    p.takes()
    p.gives(seq=1, text=9_000)
    assert p.c.recvbuf.size == 9_000


# The eighth step: the FIN


def test_a_fin_ahead_of_its_text_waits_for_it() -> None:
    p = established()
    p.gives("F.", seq=4, text=b"def")
    assert (p.state, p.c.eof) == (State.ESTABLISHED, False)
    assert p.gives(seq=1, text=b"abc") == [". 1:1(0) ack 8"]
    assert (p.state, p.c.eof) == (State.CLOSE_WAIT, True)
    assert p.reads()[0] == b"abcdef"


def test_a_bare_fin_ahead_of_its_text_waits_for_it() -> None:
    p = established()
    p.gives("F.", seq=4)
    p.gives(seq=1, text=b"abc")
    assert p.state is State.CLOSE_WAIT


def test_text_behind_a_fin_is_refused() -> None:
    p = established()
    p.gives("F.", seq=4)
    p.gives(seq=4, text=b"nonsense")
    p.gives(seq=1, text=b"abc")
    assert p.state is State.CLOSE_WAIT
    assert p.reads()[0] == b"abc"


def test_simultaneous_close() -> None:
    p = in_state(State.FIN_WAIT_1)
    assert p.gives("F.", ack=1) == [". 2:2(0) ack 2"]
    assert p.state is State.CLOSING
    p.gives(seq=2, ack=2)
    assert p.state is State.TIME_WAIT


def test_a_fin_that_acknowledges_ours_goes_straight_to_time_wait() -> None:
    p = in_state(State.FIN_WAIT_1)
    p.gives("F.", ack=2)
    assert p.state is State.TIME_WAIT


def test_text_that_is_queued_still_goes_out_in_closing_and_last_ack() -> None:
    p = established(wnd=1460)
    p.c.send(bytes(2000))
    p.c.shutdown_write()
    p.takes()
    p.gives("F.", ack=1, wnd=1460)
    assert p.state is State.CLOSING
    assert p.gives(seq=2, ack=731, wnd=5000) == ["FP. 1461:2001(540) ack 2"]
    p.gives(seq=2, ack=2002)
    assert p.state is State.TIME_WAIT


def test_time_wait_lasts_two_msl_and_a_repeated_fin_starts_it_anew() -> None:
    """MUST-13."""
    p = in_state(State.TIME_WAIT)
    p.waits(59 * SECOND)
    assert p.gives("F.", seq=1, ack=2) == [". 2:2(0) ack 2"]
    p.waits(59 * SECOND)
    assert p.state is State.TIME_WAIT
    p.waits(1 * SECOND)
    assert (p.state, p.c.ending) == (State.CLOSED, Ending.NORMAL)
    assert p.c.next_deadline() is None


# PAWS


def test_paws_drops_old_segments_and_answers() -> None:
    """RFC 7323 section 5.3."""
    p = established(TcpConfig(), ts_val=1000)
    p.ts_val = 1000
    p.gives(text=10)
    p.ts_val = 999
    assert p.gives(seq=11, text=10) == [". 1:1(0) ack 11"]
    assert p.c.recvbuf.size == 10
    p.ts_val = 1001
    p.gives(seq=11, text=10)
    assert p.c.recvbuf.size == 20


def test_paws_goes_with_the_clock_around_its_wrap() -> None:
    p = established(TcpConfig(), ts_val=2**32 - 1)
    p.ts_val = 0
    p.gives(text=10)
    assert (p.c.recvbuf.size, p.c.ts.recent) == (10, 0)


def test_ts_recent_follows_only_what_spans_the_last_ack() -> None:
    """RFC 7323 section 4.3."""
    p = established(TcpConfig(), ts_val=1000)
    p.ts_val = 2000
    p.gives(seq=101, text=10)
    assert p.c.ts.recent == 1000
    p.gives(seq=1, text=100)
    assert p.c.ts.recent == 2000


def test_the_answer_to_a_repeated_segment_echoes_the_repetition() -> None:
    """Else the sender, whose ACK was lost, takes its own time-out for a round trip (RFC 7323 section 4.1)."""
    p = established(TcpConfig(), ts_val=1000)
    p.ts_val = 1001
    p.gives(text=100)
    p.ts_val = 5001
    p.gives(text=100)
    assert p.sent[-1].options.ts_ecr == 5001
    p.ts_val = 9001
    p.gives(seq=-1000, text=100)
    assert p.sent[-1].options.ts_ecr == 5001, "an old duplicate says nothing, and might be forged"


def test_a_reset_is_exempt_from_paws() -> None:
    p = established(TcpConfig(), ts_val=1000)
    p.gives("R", seq=1, ts_val=5)
    assert p.state is State.CLOSED


def test_once_agreed_a_segment_without_timestamps_is_dropped() -> None:
    """RFC 7323 section 3.2."""
    p = established(TcpConfig(), ts_val=1000)
    assert p.gives(text=10) == []
    assert p.c.recvbuf.size == 0


def test_the_peer_timestamp_is_echoed_on_every_segment() -> None:
    p = established(TcpConfig(), ts_val=1000)
    p.ts_val = 1234
    p.gives(text=10)
    p.sends(10)
    assert p.sent[-1].options.ts_ecr == 1234


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
