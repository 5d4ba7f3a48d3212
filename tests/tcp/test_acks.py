"""What an acknowledgement does to the sender."""

import pytest
from tcp_peer import MS, TcpConfig, established

SACK = TcpConfig(timestamps=False, window_scaling=False)


@pytest.mark.parametrize(
    ("block", "sacked"),
    [
        ((1461, 2921), 1),
        ((1461, 4381), 2),
        ((1500, 4381), 1),  # a packet of which only a part is reported does not count
        ((1461, 4382), 0),  # beyond SND.NXT: nonsense
        ((-5000, 2921), 0),  # below SND.UNA: a duplicate is reported (RFC 2883)
        ((2921, 1461), 0),
        ((2000, 2000), 0),
    ],
)
def test_which_sack_blocks_count(block: tuple[int, int], sacked: int) -> None:
    """RFC 2018 section 5."""
    p = established(SACK, sack_permitted=True)
    p.sends(4380)
    p.gives(ack=1, sack=[block])
    assert p.c.board.sacked_out == sacked


def test_sack_blocks_count_only_where_they_were_agreed() -> None:
    p = established(SACK)
    p.sends(4380)
    p.gives(ack=1, sack=[(1461, 2921)])
    assert not any(r.sacked for r in p.c.board)


def test_the_rtt_is_that_of_the_oldest_packet_acknowledged() -> None:
    """MUST-18."""
    p = established()
    p.sends(1460)
    p.now += 30 * MS
    p.sends(1460)
    p.now += 20 * MS
    srtt = p.c.rtt.srtt
    p.gives(ack=2921)
    assert p.c.rtt.srtt - srtt == (50 * MS - srtt) // 8


def test_the_timer_starts_anew_with_each_advance_and_stops_with_the_last() -> None:
    """RFC 6298 rules 5.2 and 5.3."""
    p = established()
    p.sends(2920)
    p.now += 100 * MS
    p.gives(ack=1461)
    assert p.c.next_deadline() == p.now + p.c.rtt.rto
    p.gives(ack=2921)
    assert p.c.next_deadline() is None


def test_what_is_sent_later_does_not_start_the_timer_anew() -> None:
    """RFC 6298 rule 5.1: else whoever goes on sending never notices that nothing arrives."""
    p = established()
    p.sends(1460)
    deadline = p.c.next_deadline()
    p.now += 100 * MS
    assert len(p.sends(1460)) == 1
    assert p.c.next_deadline() == deadline == p.now - 100 * MS + p.c.rtt.rto


def test_a_duplicate_that_changes_the_window_is_no_duplicate() -> None:
    """RFC 5681 section 2."""
    p = established()
    p.sends(14600)
    for wnd in (60_000, 61_000, 62_000, 63_000):
        assert p.gives(ack=1, wnd=wnd) == []
    assert p.c.board.sacked_out == 0
    for _ in range(2):
        p.gives(ack=1, wnd=63_000, text=b"")
    assert p.c.board.sacked_out == 2
    p.gives(ack=1, wnd=63_000, text=b"with text")
    assert p.c.board.sacked_out == 2


def test_a_segment_that_was_overtaken_leaves_the_window_as_it_is() -> None:
    """RFC 9293 section 3.10.7.4, fifth step: SND.WL1 is the number of the segment that the window is from."""
    p = established()
    p.gives(seq=1001, text=1000, wnd=2000)
    assert p.c.tcb.snd.wnd == 2000
    p.gives(seq=1, text=1000, wnd=9000)
    assert p.c.tcb.snd.wnd == 2000
    p.gives(seq=2001, wnd=3000)
    assert p.c.tcb.snd.wnd == 3000


def test_the_last_byte_stays_until_it_is_acknowledged_too() -> None:
    p = established()
    p.sends(1460)
    p.gives(ack=1460)
    assert [shown for _, shown in p.waits(p.c.rtt.rto)] == ["P. 1460:1461(1) ack 1"]
