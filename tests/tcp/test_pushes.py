"""Where PSH goes, and where packets end because records do."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tcp_peer import MS, PLAIN, established

from pystack.tcp.pushes import Pushes
from pystack.wire.tcp import PSH

WINDOW = 32_896


class Queue:
    """Writes text, and lists the ends with PSH. Nothing is sent unless `sent` is told so."""

    def __init__(self, mss: int = 1000, max_wnd: int = WINDOW) -> None:
        self.pushes = Pushes(1)
        self.end = 1
        self.sent = 1
        self.mss = mss
        self.max_wnd = max_wnd

    def writes(self, size: int, *, more: bool = False, record: bool = False) -> None:
        start, self.end = self.end, self.end + size
        self.pushes.queued(
            start, self.end, unsent=self.sent, mss=self.mss, max_wnd=self.max_wnd, more=more, record=record
        )

    @property
    def pushed(self) -> list[int]:
        return [n for n in range(1, self.end + 1) if self.pushes.has_push(n - 1, n)]


def test_the_end_of_each_write_that_has_left_before_the_next() -> None:
    q = Queue()
    for _ in range(3):
        q.writes(2500)
        q.sent = q.end
    assert q.pushed == [2501, 5001, 7501]


def test_a_write_that_joins_what_waits_takes_its_push_along() -> None:
    q = Queue()
    q.writes(2500)
    q.writes(2500)
    q.writes(100)
    assert q.pushed == [5101]
    q.sent = 2001
    q.writes(100)
    assert q.pushed == [5201]


def test_a_full_buffer_keeps_its_push_where_it_ends() -> None:
    """Half of the window is 16 packets: so much goes into one buffer."""
    q = Queue()
    q.writes(15_500)
    q.writes(1000)
    assert q.pushed == [16_001, 16_501]


def test_within_one_write_once_more_than_half_of_the_window_is_queued() -> None:
    q = Queue()
    q.writes(50_000)
    assert q.pushed == [32_001, 50_001]


def test_what_more_follows_on_has_none_until_half_of_the_window_is_queued() -> None:
    q = Queue()
    q.writes(1000, more=True)
    assert q.pushed == []
    q.writes(15_449, more=True)
    assert q.pushed == [16_450]


def test_with_a_tiny_window_a_buffer_is_one_packet() -> None:
    q = Queue(mss=300, max_wnd=600)
    q.writes(1000)
    assert q.pushed == [601, 1001]


def test_a_record_ends_its_buffer() -> None:
    q = Queue()
    q.writes(400, record=True)
    q.writes(400)
    assert q.pushed == [401, 801]
    assert [q.pushes.record_end(n) for n in (1, 400, 401)] == [401, 401, None]
    q.pushes.acknowledged(401)
    assert q.pushes.record_end(1) is None
    assert q.pushed == [801]


@given(st.lists(st.tuples(st.integers(1, 40_000), st.booleans(), st.integers(0, 40_000), st.booleans()), max_size=60))
def test_the_last_text_has_push_unless_more_follows(writes: list[tuple[int, bool, int, bool]]) -> None:
    """RFC 9293 MUST-61. And no marks are left of what is acknowledged."""
    q = Queue()
    for size, more, sent, record in writes:
        q.writes(size, more=more, record=record)
        if not more:
            assert q.pushes.has_push(q.end - 1, q.end)
        q.sent = min(q.end, q.sent + sent)
        q.pushes.acknowledged(q.sent)
        assert not q.pushes.has_push(0, q.sent)
    q.pushes.acknowledged(q.end)
    assert not q.pushes._ends._numbers
    assert not q.pushes._records._numbers


def test_on_the_wire_the_mark_is_on_its_segment_also_when_it_goes_again() -> None:
    p = established()
    p.sends(2000)
    p.sends(2920)
    assert [s.flags & PSH > 0 for s in p.sent] == [False, True, False, True]
    p.waits(300 * MS)
    p.gives(ack=1461)
    assert [s.flags & PSH > 0 for s in p.sent[4:]] == [False, True, False]


def test_text_that_was_held_back_has_it_when_it_goes() -> None:
    p = established()
    p.c.send(bytes(500), more=True)
    assert p.takes() == []
    assert [shown for _, shown in p.waits(200 * MS)] == ["P. 1:501(500) ack 1"]


@pytest.mark.parametrize("nodelay", [False, True])
def test_no_packet_has_text_of_two_records(nodelay: bool) -> None:
    p = established(PLAIN)
    p.c.prefs.change("nodelay", nodelay)
    for _ in range(2):
        p.c.send(bytes(2000), record=True)
    p.c.send(bytes(100))
    shown = [". 1:1461(1460) ack 1", "P. 1461:2001(540) ack 1", ". 2001:3461(1460) ack 1"]
    last = ["P. 3461:4001(540) ack 1", "P. 4001:4101(100) ack 1"]
    assert p.takes() == shown + (last if nodelay else last[:1])
    assert p.gives(ack=4001) == ([] if nodelay else last[1:])


def test_a_fin_waits_for_the_records_before_it() -> None:
    p = established(PLAIN)
    p.c.send(bytes(100), record=True)
    p.c.send(bytes(100))
    p.c.shutdown_write()
    assert p.takes() == ["P. 1:101(100) ack 1", "FP. 101:201(100) ack 1"]
