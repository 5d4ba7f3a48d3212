"""Reading, closing, aborting, and what becomes of a connection that nobody holds any more."""

from dataclasses import replace

import pytest
from tcp_peer import MS, PLAIN, SECOND, Peer, established, in_state

from pystack.tcp.config import TcpConfig
from pystack.tcp.events import Ending, Event
from pystack.tcp.state import State

SMALL = TcpConfig(rcvbuf=4000, timestamps=False, window_scaling=False)


# Delayed ACKs, as a peer sees them


def test_a_lone_segment_is_acknowledged_after_forty_milliseconds() -> None:
    """SHLD-18, MUST-40."""
    p = established()
    assert p.gives(text=100) == []
    assert p.waits(SECOND) == [(40, ". 1:1(0) ack 101")]


def test_every_second_full_segment_is_acknowledged_at_once() -> None:
    """SHLD-19, MUST-58."""
    p = established()
    p.gives(text=1460)
    assert p.gives(seq=1461, text=1460) == [". 1:1(0) ack 2921"]
    assert p.gives(seq=2921, text=1460) == []
    assert p.gives(seq=4381, text=1460) == [". 1:1(0) ack 5841"]


def test_all_that_has_arrived_is_acknowledged_by_one_ack() -> None:
    """MUST-58, MUST-59."""
    p = established()
    for n in range(10):
        p.puts(seq=1 + n * 1460, text=1460)
    assert p.takes() == [". 1:1(0) ack 14601"]


def test_the_ack_rides_on_an_answer() -> None:
    p = established()
    assert p.gives(text=b"question") == []
    assert p.sends(b"answer") == ["P. 1:7(6) ack 9"]
    assert p.waits(30 * MS) == []


def test_the_first_sixteen_segments_are_acknowledged_at_once() -> None:
    p = established(quick=True)
    answered = [bool(p.gives(seq=1 + n * 100, text=100)) for n in range(18)]
    assert answered[:16] == [True] * 16
    assert answered[16] is False


# The window


def test_reading_opens_a_shut_window_and_tells_the_peer() -> None:
    """MUST-39."""
    p = established(SMALL)
    p.gives(text=1460)
    p.gives(seq=1461, text=1460)
    p.gives(seq=2921, text=1080)
    p.waits(SECOND)
    assert (p.c.tcb.rcv.wnd, p.sent[-1].wnd) == (0, 0)
    assert p.reads(100)[1] == [], "too little to be worth a word"
    assert p.reads()[1] == [". 1:1(0) ack 4001"]
    assert p.sent[-1].wnd == 4000


def test_the_window_shrinks_as_text_waits_to_be_read() -> None:
    p = established(SMALL, quick=True)
    p.gives(text=1000)
    assert p.sent[-1].wnd == 3000
    p.gives(seq=1001, text=1000)
    assert p.sent[-1].wnd == 2000


def test_the_window_field_counts_in_units_of_the_agreed_scale() -> None:
    """RFC 7323 section 2.3."""
    p = established(TcpConfig(timestamps=False, window_scale=4, rcvbuf=40_000), wscale=7, quick=True)
    p.gives(text=1472)
    assert p.c.tcb.rcv.wnd == 40_000 - 1472
    assert p.sent[-1].wnd == (40_000 - 1472) >> 4


def test_a_full_window_is_not_probed_while_text_is_in_flight() -> None:
    """RFC 9293 section 3.8.6.1: the retransmission timer is enough."""
    p = established(wnd=1000)
    p.sends(3000)
    assert {shown for _, shown in p.waits(5 * SECOND)} == {". 1:501(500) ack 1"}


def test_no_window_update_after_the_fin() -> None:
    p = established(SMALL)
    p.gives("F.", text=3000)
    assert p.reads()[1] == []


# Half-close and close


def test_a_half_closed_side_goes_on_reading() -> None:
    p = in_state(State.FIN_WAIT_2)
    p.gives(ack=2, text=b"more")
    assert p.reads()[0] == b"more"
    assert p.c.send(b"no") == 0


def test_the_peers_half_close_leaves_our_side_open() -> None:
    p = in_state(State.CLOSE_WAIT)
    assert p.c.poll_event() & Event.EOF
    assert p.c.eof
    assert p.sends(b"still here") == ["P. 1:11(10) ack 2"]
    p.c.shutdown_write()
    assert p.takes() == ["F. 11:11(0) ack 2"]
    p.c.shutdown_write()
    assert p.takes() == []
    p.gives(seq=2, ack=12)
    assert p.c.ending is Ending.NORMAL


def test_close_with_text_unread_resets() -> None:
    """SHLD-3."""
    p = established()
    p.gives(text=b"unread")
    p.c.close(p.now)
    assert p.takes() == ["R. 1:1(0) ack 7"]
    assert (p.state, p.c.ending) == (State.CLOSED, Ending.ABORTED)


@pytest.mark.parametrize("state", [State.FIN_WAIT_1, State.FIN_WAIT_2])
def test_text_for_an_orphan_resets(state: State) -> None:
    """SHLD-3: data after CLOSE."""
    p = established()
    p.c.close(p.now)
    p.takes()
    if state is State.FIN_WAIT_2:
        p.gives(ack=2)
    assert p.state is state
    ack = 2 if state is State.FIN_WAIT_2 else 1
    assert p.gives(ack=ack, text=b"too late") == ["R. 2:2(0) ack 1"]
    assert p.c.ending is Ending.ABORTED


def test_an_orphan_does_not_wait_for_ever_in_fin_wait_2() -> None:
    p = established()
    p.c.close(p.now)
    p.takes()
    p.gives(ack=2)
    p.waits(59 * SECOND)
    assert p.state is State.FIN_WAIT_2
    p.waits(1 * SECOND)
    assert p.state is State.CLOSED


def test_a_held_connection_waits_in_fin_wait_2_until_it_is_let_go() -> None:
    p = in_state(State.FIN_WAIT_2)
    p.waits(1000 * SECOND)
    assert p.state is State.FIN_WAIT_2
    p.c.close(p.now)
    p.waits(60 * SECOND)
    assert p.state is State.CLOSED


def test_close_before_the_handshake_ends_is_silent() -> None:
    for state in (State.SYN_SENT, State.LISTEN):
        p = in_state(state) if state is State.SYN_SENT else Peer(active=False)
        p.c.close(p.now)
        assert p.takes() == []
        assert p.state is State.CLOSED


@pytest.mark.parametrize(
    ("state", "resets"),
    [
        (State.SYN_SENT, []),
        (State.SYN_RECEIVED, ["R. 1:1(0) ack 1"]),
        (State.ESTABLISHED, ["R. 1:1(0) ack 1"]),
        (State.FIN_WAIT_1, ["R. 2:2(0) ack 1"]),
        (State.FIN_WAIT_2, ["R. 2:2(0) ack 1"]),
        (State.CLOSE_WAIT, ["R. 1:1(0) ack 2"]),
        (State.TIME_WAIT, []),
    ],
)
def test_abort(state: State, resets: list[str]) -> None:
    """RFC 9293 section 3.10.5."""
    p = in_state(state)
    p.c.abort()
    assert p.takes() == resets
    assert (p.state, p.c.ending) == (State.CLOSED, Ending.ABORTED)
    assert p.c.poll_event() & Event.CLOSED
    assert p.c.next_deadline() is None
    p.c.abort()
    assert p.takes() == []


def test_nothing_is_answered_or_taken_once_closed() -> None:
    p = established()
    p.c.abort()
    p.takes()
    assert p.gives(text=b"hello?") == []
    assert p.c.send(b"x") == 0
    p.c.shutdown_write()
    p.c.close(p.now)
    assert p.takes() == []


def test_what_arrived_before_a_reset_can_still_be_read() -> None:
    p = established()
    p.gives(text=b"last words")
    p.gives("R", seq=11)
    assert p.c.ending is Ending.RESET
    assert p.reads() == (b"last words", [])


def test_events_are_told_once() -> None:
    p = established()
    p.c.poll_event()
    p.gives(text=b"x")
    assert p.c.poll_event() == Event.READABLE
    assert p.c.poll_event() == Event(0)


def test_the_snapshot_has_tcp_infos_names_and_units() -> None:
    p = established()
    p.sends(14600 + 1460)
    p.now += 50 * MS
    p.gives(ack=1461)
    info = p.c.info(p.now)
    assert (info.state, info.snd_mss, info.advmss) == ("ESTABLISHED", 1460, 1460)
    assert (info.unacked, info.bytes_acked, info.notsent_bytes) == (10, 1460, 0)
    assert (info.snd_cwnd, info.segs_out, info.bytes_sent) == (11, 13, 16060)
    assert info.rtt > 0
    assert info.rto == p.c.rtt.rto // 1000
    assert (info.retransmits, info.total_retrans, info.ca_state) == (0, 0, 0)


def test_no_fin_wait_2_where_the_application_allows_none() -> None:
    """Linux: a negative TCP_LINGER2."""
    p = established(replace(PLAIN, fin_timeout=-SECOND))
    p.c.close(p.now)
    p.takes()
    assert p.gives(ack=2) == ["R. 2:2(0) ack 1"]
    assert p.state is State.CLOSED
    p = in_state(State.FIN_WAIT_2, replace(PLAIN, fin_timeout=-SECOND))
    p.c.close(p.now)
    assert (p.takes(), p.state) == (["R. 2:2(0) ack 1"], State.CLOSED)


def test_a_reset_has_a_timestamp_where_those_are_agreed_on() -> None:
    """RFC 7323 section 3.2, SHOULD; a stranger's segment is answered without, as its own are none of the connection."""
    p = established(replace(PLAIN, timestamps=True), ts_val=77)
    p.waits(SECOND)
    p.c.abort()
    (shown,) = p.takes()
    assert shown.startswith("R. ")
    assert (p.sent[-1].options.ts_val, p.sent[-1].options.ts_ecr) == (p.c.ts.val(p.now), 77)
    p = established()
    p.c.abort()
    p.takes()
    assert p.sent[-1].options.ts_val is None
