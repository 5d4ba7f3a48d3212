"""Text and a FIN that arrive: the seventh step of RFC 9293 section 3.10.7.4 and the eighth."""

import pytest
from tcp_peer import SECOND, established, in_state

from pystack.tcp.config import TcpConfig
from pystack.tcp.events import Ending, Event
from pystack.tcp.state import State

ACK_ONLY = [". 1:1(0) ack 1"]


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
