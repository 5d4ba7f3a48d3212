"""What is sent, how much of it at once, and when not."""

from itertools import pairwise

import pytest
from tcp_peer import MS, PLAIN, SECOND, Peer, established, in_state

from pystack.tcp.config import TcpConfig
from pystack.tcp.events import Ending
from pystack.tcp.output import may_send_tail, sendable
from pystack.tcp.state import State
from pystack.wire import options as tcp_options
from pystack.wire.tcp import PSH, SYN


def amount(**changes: int) -> int:
    plain = {"available": 5000, "window": 60_000, "mss": 1000, "packets": 10, "tail_allowed": 1}
    merged = plain | changes
    return sendable(**merged | {"tail_allowed": bool(merged["tail_allowed"])})


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, 5000),
        ({"available": 5001}, 5001),
        ({"available": 5001, "tail_allowed": 0}, 5000),
        ({"available": 999, "tail_allowed": 0}, 0),
        ({"available": 0}, 0),
        ({"window": 0}, 0),
        ({"window": -300}, 0),
        ({"window": 999}, 0),  # MUST-38: only the window keeps it from being full
        ({"window": 2999}, 2000),
        ({"available": 700, "window": 700}, 700),
        ({"packets": 3}, 3000),
        ({"packets": 0}, 0),
        ({"packets": -2}, 0),
        ({"available": 5500, "packets": 5}, 5000),
    ],
)
def test_sendable(changes: dict[str, int], expected: int) -> None:
    assert amount(**changes) == expected


@pytest.mark.parametrize(
    ("nodelay", "fin_queued", "small_end", "una", "expected"),
    [
        (False, False, 100, 100, True),
        (False, False, 101, 100, False),
        (True, False, 101, 100, True),
        (False, True, 101, 100, True),
    ],
)
def test_nagle_as_minshall_has_it(nodelay: bool, fin_queued: bool, small_end: int, una: int, expected: bool) -> None:
    """SHLD-7, MUST-17."""
    assert may_send_tail(nodelay=nodelay, fin_queued=fin_queued, small_end=small_end, una=una) is expected


def test_nagle_holds_a_second_small_segment_back_until_the_first_is_acknowledged() -> None:
    """SHLD-7."""
    p = established()
    assert p.sends(b"a") == ["P. 1:2(1) ack 1"]
    assert p.sends(b"b") == []
    assert p.sends(b"c") == []
    assert p.gives(ack=2) == ["P. 2:4(2) ack 1"]


def test_minshall_lets_a_small_tail_follow_full_segments() -> None:
    p = established()
    assert p.sends(1460 + 10) == [". 1:1461(1460) ack 1", "P. 1461:1471(10) ack 1"]
    assert p.sends(1460 + 10) == [". 1471:2931(1460) ack 1"]
    assert p.gives(ack=1471) == ["P. 2931:2941(10) ack 1"]


def test_nodelay_turns_nagle_off() -> None:
    """MUST-17."""
    p = established()
    p.c.prefs.nodelay = True
    assert p.sends(b"a") + p.sends(b"b") == ["P. 1:2(1) ack 1", "P. 2:3(1) ack 1"]


def test_the_mss_is_536_where_the_peer_announces_none() -> None:
    """MUST-15."""
    p = Peer()
    p.takes()
    p.gives("S.", seq=0)
    assert p.sends(600) == [". 1:537(536) ack 1", "P. 537:601(64) ack 1"]


def test_the_mss_is_the_lesser_of_both_less_the_options() -> None:
    """MUST-16."""
    p = established(TcpConfig(), mss=9000, ts_val=5, sack_permitted=True, wscale=0)
    p.ts_val = 5
    assert p.sends(2000) == [". 1:1449(1448) ack 1", "P. 1449:2001(552) ack 1"]
    p = established(mss=500)
    assert p.sends(600) == [". 1:501(500) ack 1", "P. 501:601(100) ack 1"]


def test_sack_blocks_make_new_segments_smaller() -> None:
    """MUST-16."""
    p = established(TcpConfig(), ts_val=5, sack_permitted=True)
    p.ts_val = 5
    p.gives(seq=101, text=10)
    assert p.sends(2000)[0] == ". 1:1437(1436) ack 1"
    assert len(tcp_options.build(p.sent[-1].options)) == 24


def test_a_retransmission_with_sack_blocks_stays_within_the_mss() -> None:
    """MUST-16: the segment was cut when there was nothing to report."""
    p = established(TcpConfig(), ts_val=5, sack_permitted=True)
    p.ts_val = 5
    assert p.sends(1448) == ["P. 1:1449(1448) ack 1"]
    p.gives(seq=101, text=10)
    (resent,) = (p.sent[-1] for _, shown in p.waits(SECOND // 4) if shown.startswith("P. 1:1449"))
    assert resent.size + len(tcp_options.build(resent.options)) <= 1460
    assert p.gives(seq=201, text=10) == [". 1449:1449(0) ack 1"]
    assert [left - p.irs for left, _ in p.sent[-1].options.sack] == [201, 101], "an ACK has room for them"


def test_a_tiny_mss_holds_with_options() -> None:
    """MUST-16: no floor of ours may exceed what the peer takes."""
    p = established(TcpConfig(), mss=48, ts_val=5, sack_permitted=True)
    p.ts_val = 5
    p.gives(seq=101, text=10)
    p.sends(100)
    assert all(s.size + len(tcp_options.build(s.options)) <= 48 for s in p.sent if s.size)


def test_packets_are_no_larger_than_half_of_the_largest_window() -> None:
    p = established(wnd=2000)
    assert p.sends(3000) == [". 1:1001(1000) ack 1", "P. 1001:2001(1000) ack 1"]


def test_psh_is_on_the_last_text_queued_and_once_per_half_window() -> None:
    """MUST-61."""
    p = established(wnd=8000)
    p.sends(7300)
    assert [s.flags & PSH > 0 for s in p.sent] == [False, False, False, True, True]
    p = established()
    p.sends(7300)
    assert [s.flags & PSH > 0 for s in p.sent] == [False, False, False, False, True]


def test_the_fin_rides_on_the_last_text() -> None:
    p = established()
    p.c.send(b"bye")
    p.c.shutdown_write()
    assert p.takes() == ["FP. 1:4(3) ack 1"]
    assert p.state is State.FIN_WAIT_1


def test_a_fin_behind_a_full_segment_is_no_packet_of_its_own() -> None:
    p = established()
    p.c.send(bytes(1460))
    p.c.shutdown_write()
    assert p.takes() == ["FP. 1:1461(1460) ack 1"]
    assert (p.sent[-1].segs, p.sent[-1].mss) == (1, 0)
    assert p.c.info(p.now).unacked == 1
    assert p.gives(ack=1461) == [], "all but the FIN"
    assert p.c.info(p.now).unacked == 1
    assert [shown for _, shown in p.waits(SECOND // 4)] == ["F. 1461:1461(0) ack 1"]
    p.gives(ack=1462)
    assert p.c.info(p.now).unacked == 0


def test_new_text_never_passes_the_right_edge() -> None:
    p = established(wnd=3000)
    assert p.sends(10_000) == [". 1:1461(1460) ack 1", "P. 1461:2921(1460) ack 1"]
    assert p.gives(ack=1461, wnd=1540) == []
    assert p.gives(ack=2921, wnd=1460) == [". 2921:4381(1460) ack 1"]


def test_a_window_that_shrinks_below_what_is_sent() -> None:
    """MUST-34, SHLD-15: usable window below zero, no new text."""
    p = established()
    p.sends(2920)
    assert p.gives(ack=1461, wnd=100) == []
    assert p.sends(5000) == []
    assert p.gives(ack=2921, wnd=65535)[0] == ". 2921:4381(1460) ack 1"


def test_zero_window_is_probed_after_one_rto_then_ever_more_slowly() -> None:
    """MUST-35, MUST-36, SHLD-29, SHLD-30."""
    p = established()
    p.gives(wnd=0)
    assert p.sends(5000) == []
    rto = p.c.rtt.rto // MS
    probes = p.waits(130 * rto * MS)
    assert [at // rto for at, _ in probes] == [1, 3, 7, 15, 31, 63, 127]
    assert {shown for _, shown in probes} == {". 0:0(0) ack 1"}


def test_a_window_that_stays_shut_but_answers_never_ends_the_connection() -> None:
    """MUST-37."""
    p = established()
    p.gives(wnd=0)
    p.sends(5000)
    for _ in range(100):
        assert p.waits(120 * SECOND), "a probe"
        p.gives(wnd=0)
    assert p.state is State.ESTABLISHED
    assert p.gives(wnd=65535)[0] == ". 1:1461(1460) ack 1"


def test_a_shut_window_without_answers_times_out() -> None:
    p = established()
    p.gives(wnd=0)
    p.sends(5000)
    p.waits(3600 * SECOND)
    assert (p.state, p.c.ending) == (State.CLOSED, Ending.TIMED_OUT)


def test_a_window_below_a_segment_is_used_after_the_persist_time() -> None:
    """MUST-38: not at once, and not never."""
    p = established()
    p.gives(wnd=100)
    assert p.sends(5000) == []
    probes = p.waits(p.c.rtt.rto)
    assert [shown for _, shown in probes] == [". 1:101(100) ack 1"]


def test_a_fin_waits_for_the_window_too() -> None:
    p = established()
    p.gives(wnd=0)
    p.c.shutdown_write()
    assert p.takes() == []
    assert [shown for _, shown in p.waits(p.c.rtt.rto)] == [". 0:0(0) ack 1"]
    assert p.gives(wnd=1) == ["F. 1:1(0) ack 1"]


def test_the_syn_offers_an_unscaled_window_and_every_option() -> None:
    p = Peer(TcpConfig())
    assert p.takes() == ["S 0:0(0)"]
    opts = p.sent[0].options
    assert (p.sent[0].wnd, opts.mss, opts.wscale, opts.sack_permitted, opts.ts_ecr) == (65535, 1460, 8, True, 0)


def test_syns_back_off_and_give_up_after_six() -> None:
    """MUST-22."""
    p = Peer()
    p.takes()
    assert p.waits(200 * SECOND) == [(at * 1000, "S 0:0(0)") for at in (1, 3, 7, 15, 31, 63)]
    assert (p.state, p.c.ending) == (State.CLOSED, Ending.TIMED_OUT)


def test_syn_acks_back_off_and_give_up_after_five() -> None:
    """MUST-22."""
    p = in_state(State.SYN_RECEIVED)
    assert p.waits(200 * SECOND) == [(at * 1000, "S. 0:0(0) ack 1") for at in (1, 3, 7, 15, 31)]
    assert (p.state, p.c.ending) == (State.CLOSED, Ending.TIMED_OUT)


def test_the_time_out_doubles_and_r2_ends_the_connection() -> None:
    """MUST-19, MUST-20, SHLD-10, SHLD-11."""
    p = established()
    p.sends(100)
    began = p.now
    resent = p.waits(8000 * SECOND)
    assert {shown for _, shown in resent} == {"P. 1:101(100) ack 1"}
    times = [0, *(at for at, _ in resent)]
    gaps = [y - x for x, y in pairwise(times)]
    assert gaps == [min(200 << n, 120_000) for n in range(len(gaps))]
    assert (p.state, p.c.ending) == (State.CLOSED, Ending.TIMED_OUT)
    assert 924_000 <= times[-1] + 120_000 < 1_100_000
    assert p.now - began == 8000 * SECOND


def test_the_user_timeout_replaces_r2() -> None:
    """MUST-21."""
    p = established()
    p.c.prefs.user_timeout = 5 * SECOND
    p.sends(100)
    p.waits(5 * SECOND - MS)
    assert p.c.ending is None
    p.waits(MS)
    assert p.c.ending is Ending.TIMED_OUT


def test_acks_after_a_time_out_restore_the_pace() -> None:
    """MUST-18, MUST-19: one segment, then two, as acknowledgements come."""
    p = established()
    p.sends(14600)
    assert [shown for _, shown in p.waits(250 * MS)] == [". 1:1461(1460) ack 1"]
    assert p.c.cc.cwnd == 1
    assert p.gives(ack=1461) == [". 1461:2921(1460) ack 1", ". 2921:4381(1460) ack 1"]
    assert p.c.rtt.backoff == 1, "Karn: no sample from what was sent twice"
    p.c.send(bytes(100))
    p.gives(ack=14601)
    p.waits(10 * MS)
    p.gives(ack=14701)
    assert p.c.rtt.backoff == 0


@pytest.mark.parametrize(
    ("echoes", "sack", "measures"),
    [
        (-1, (), True),
        (0, (), True),  # late, not lost: all others were sent for nothing, and the path is that slow
        (0, ((1, 101),), False),  # lost was the first ACK: this one answers a duplicate (RFC 2883) with the old echo
    ],
)
def test_which_echoes_measure(echoes: int, sack: tuple[tuple[int, int], ...], measures: bool) -> None:
    """MUST-18; RFC 7323 section 4: the echo says which of several transmissions is meant."""
    p = established(TcpConfig(), ts_val=5, sack_permitted=True)
    p.ts_val = 5
    p.sends(100)
    before, srtt = p.c.rtt.samples, p.c.rtt.srtt
    began = p.now
    p.waits(5 * SECOND)
    resent = [s for s in p.sent if s.size]
    sent_at = began if echoes == 0 else p.c.board.head.sent_at
    p.now = p.c.board.head.sent_at + 30 * MS
    p.gives(ack=101, ts_ecr=resent[echoes].options.ts_val, sack=sack)
    assert p.c.rtt.samples == before + measures
    assert p.c.rtt.backoff == (0 if measures else len(resent) - 1)
    if measures:
        assert p.c.rtt.srtt - srtt == pytest.approx((p.now - sent_at - srtt) / 8, abs=1 * MS)


def test_three_duplicate_acks_resend_the_first_segment() -> None:
    """MUST-19."""
    p = established()
    p.sends(14600)
    assert [p.gives(ack=1), p.gives(ack=1)] == [[], []]
    assert p.gives(ack=1) == [". 1:1461(1460) ack 1"]
    assert p.c.info(p.now).ca_state == 3


def test_sack_resends_only_what_is_missing() -> None:
    p = established(TcpConfig(timestamps=False, window_scaling=False), sack_permitted=True)
    p.sends(14600)
    resent = p.gives(ack=1, sack=[(2921, 14601)])
    assert resent == [". 1:1461(1460) ack 1", ". 1461:2921(1460) ack 1"]
    assert p.gives(ack=14601) == []


def test_text_goes_out_only_after_the_handshake() -> None:
    p = Peer()
    p.c.send(b"early")
    assert p.takes() == ["S 0:0(0)"]
    assert p.gives("S.", seq=0, mss=1460) == ["P. 1:6(5) ack 1"]


def test_the_send_buffer_bounds_what_is_taken() -> None:
    p = established(TcpConfig(sndbuf=1000))
    assert (p.c.send(bytes(700)), p.c.send(bytes(700)), p.c.send(bytes(700))) == (700, 300, 0)
    assert p.c.send_room == 0
    p.takes()
    p.gives(ack=1001)
    assert p.c.send_room == 1000
    p.c.shutdown_write()
    assert (p.c.send(b"x"), p.c.send_room) == (0, 0)


def test_the_mss_option_is_in_syns_only() -> None:
    """MUST-65."""
    p = Peer(PLAIN)
    p.takes()
    p.gives("S.", seq=0, mss=1460)
    p.sends(3000)
    assert [s.options.mss is not None for s in p.sent] == [bool(s.flags & SYN) for s in p.sent]


def test_an_ack_and_a_reset_lie_in_a_window_that_has_shrunk() -> None:
    """SHLD-15: the peer would not take them beyond its right edge. As Linux (tcp_acceptable_seq)."""
    p = established(wnd=20000, quick=True)
    p.sends(5000)
    p.gives(wnd=1000)
    assert p.gives(text=b"hi", wnd=1000) == [". 1001:1001(0) ack 3"]
    p.c.abort()
    assert p.takes() == ["R. 1001:1001(0) ack 3"]


def test_what_the_field_rounds_off_is_no_shrinking() -> None:
    p = established(TcpConfig(timestamps=False, sack=False), wscale=8, wnd=1000, quick=True)
    p.sends(1000)
    p.gives(wnd=3)  # 768 bytes
    assert p.gives(text=b"hi", wnd=3) == [". 1001:1001(0) ack 3"]
    p.gives(seq=3, wnd=2)
    assert p.gives(seq=3, text=b"hi", wnd=2) == [". 513:513(0) ack 5"]


def test_the_number_of_a_reset_in_syn_received_is_behind_the_syn() -> None:
    p = Peer(PLAIN, active=False)
    p.gives("S", seq=0, wnd=0)
    p.c.abort()
    assert p.takes() == ["R. 1:1(0) ack 1"]
