"""Several packets that travel through the stack as one, and what must not."""

import pytest
from tcp_peer import Peer, established

from pystack.tcp.output import packets_at_once
from pystack.wire.tcp import URG


@pytest.mark.parametrize(
    ("start", "urgent_end", "budget", "expected"),
    [
        (100, 0, 65_000, 65),
        (100, 0, 2999, 2),
        (100, 0, 0, 1),  # one packet is always allowed
        (100, 101, 65_000, 1),
        (100, 100, 65_000, 65),
        (100, 90_000, 65_000, 1),
    ],
)
def test_packets_at_once(start: int, urgent_end: int, budget: int, expected: int) -> None:
    assert packets_at_once(start, urgent_end, 1000, budget) == expected


def test_a_super_segment_says_how_it_is_to_be_cut() -> None:
    p = established()
    assert p.sends(5000, budget=65535) == ["P. 1:5001(5000) ack 1"]
    seg = p.sent[-1]
    assert (seg.mss, seg.segs, sum(map(len, seg.pieces))) == (1460, 4, 5000)


def shapes(p: Peer) -> list[tuple[int, int, bool]]:
    """First number, packets and URG of what was sent with text."""
    return [(s.seq - p.iss, s.segs, bool(s.flags & URG)) for s in p.sent if s.size]


def test_urgent_data_never_travels_in_a_super_segment() -> None:
    """Neither at first, nor when it is sent again; what follows it does."""
    p = established()
    assert p.c.send(bytes(2 * 1460), urgent=True)
    p.sends(5 * 1460, budget=65_000)
    expected = [(1, 1, True), (1461, 1, True), (2921, 5, False)]
    assert shapes(p) == expected
    p.sent.clear()
    p.now += p.c.rtt.rto
    p.c.on_deadline(p.now)
    p.c.cc.cwnd = 10
    p.takes(budget=65_000)
    assert shapes(p) == expected


@pytest.mark.parametrize(("wnd", "packets"), [(0, 1), (1459, 1), (2 * 1460, 2), (3 * 1460 - 1, 2), (65535, 5)])
def test_what_is_sent_again_stays_in_a_window_that_has_shrunk(wnd: int, packets: int) -> None:
    """SHLD-16, MAY-7: only the first packet may go beyond, however much a super-segment holds."""
    p = established()
    p.sends(5 * 1460, budget=65_536)
    p.gives(wnd=wnd)
    p.sent.clear()
    p.now += p.c.rtt.rto
    p.c.on_deadline(p.now)
    p.c.cc.cwnd = 10
    p.takes(budget=65_536)
    assert shapes(p) == [(1, packets, False)]


def test_a_syn_never_travels_in_a_super_segment() -> None:
    p = Peer()
    p.c.send(bytes(5 * 1460))
    assert p.takes(budget=65_000) == ["S 0:0(0)"]
    p.now += p.c.rtt.rto
    p.c.on_deadline(p.now)
    assert p.takes(budget=65_000) == ["S 0:0(0)"]
    assert [s.segs for s in p.sent] == [1, 1]
