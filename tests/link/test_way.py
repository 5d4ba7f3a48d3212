"""The line, its queue, and when packets come out."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from path_lab import MS, drive, number_of, numbered, way_of

from pystack.link.bursts import GilbertElliott
from pystack.link.codel import CoDel
from pystack.link.counts import Counts
from pystack.link.queues import Limit
from pystack.link.red import Red

RATE = 8_000_000
"""A packet of 1000 bytes takes 1 ms."""


def numbers(came: list[tuple[int, bytes]]) -> list[int]:
    return [number_of(packet) for _, packet in came]


def test_a_line_takes_so_many_bits_a_second() -> None:
    burst = drive(way_of(rate=RATE, delay=20 * MS), ((0, numbered(n)) for n in range(100)))
    assert burst == [(20 * MS + (n + 1) * MS, numbered(n)) for n in range(100)]
    idle = drive(way_of(rate=RATE), ((2 * n * MS, numbered(n)) for n in range(100)))
    assert idle == [(2 * n * MS + MS, numbered(n)) for n in range(100)]


def test_a_line_takes_longer_for_what_is_larger() -> None:
    came = drive(way_of(rate=RATE), [(0, numbered(1, 1500)), (0, numbered(2, 40)), (10, numbered(3, 101))])
    assert [at for at, _ in came] == [1_500_000, 1_540_000, 1_641_000]


@pytest.mark.parametrize("limit", [Limit(packets=10), Limit(size=10_000), Limit(time=10 * MS)])
def test_what_finds_no_room_is_dropped(limit: Limit) -> None:
    way = way_of(rate=RATE, queue=limit)
    burst = drive(way, ((0, numbered(n)) for n in range(100)))
    assert numbers(burst) == list(range(11)), "one on the line, ten that wait"
    assert (way.counts.sent, way.counts.dropped) == (100, 89)
    slow = numbers(drive(way_of(rate=RATE, queue=limit), ((n * MS // 2, numbered(n)) for n in range(400))))
    assert slow[:20] == list(range(20))
    assert 190 < len(slow) < 220, "half of it, and what the queue holds"


@pytest.mark.parametrize("limit", [Limit(packets=0), Limit(size=0), Limit(time=0)])
def test_without_a_queue_what_would_wait_is_dropped(limit: Limit) -> None:
    came = drive(way_of(rate=RATE, queue=limit), [(0, numbered(0)), (1, numbered(1)), (MS, numbered(2))])
    assert came == [(MS, numbered(0)), (2 * MS, numbered(2))]


def test_bytes_are_counted_and_not_packets() -> None:
    way = way_of(rate=RATE, queue=Limit(size=2000))
    puts = [(0, numbered(n, size)) for n, size in enumerate((1000, 1500, 600, 500, 2))]
    assert numbers(drive(way, puts)) == [0, 1, 3]


def test_limits_are_none_of_these() -> None:
    for wrong in ({"packets": -1}, {"size": 1.5}, {"time": "40 ms"}):
        with pytest.raises(ValueError, match="is an integer that is not negative"):
            Limit(**wrong)  # type: ignore[arg-type]


def test_the_line_goes_on_before_something_new_arrives() -> None:
    """Room for one: at the very time at which the line is free, the one that waits has made room."""
    way = way_of(rate=RATE, queue=Limit(packets=1))
    puts = [(0, numbered(0)), (0, numbered(1)), (MS - 1, numbered(2)), (MS, numbered(3))]
    assert numbers(drive(way, puts)) == [0, 1, 3]


def test_what_is_late_holds_up_nobody() -> None:
    way = way_of(delay=20 * MS)
    way.put(numbered(0), 0, late=30 * MS)
    way.put(numbered(1), MS)
    assert drive(way, []) == [(21 * MS, numbered(1)), (50 * MS, numbered(0))]


def test_what_is_due_at_once_comes_in_order() -> None:
    way = way_of(delay=MS)
    way.put(numbered(0), 0, late=1)
    for n in (1, 2, 3):
        way.put(numbered(n), 1)
    assert way.next_due == MS + 1
    assert [number_of(packet) for packet in way.due(MS + 1)] == [0, 1, 2, 3]


def test_what_is_too_large_is_dropped() -> None:
    way = way_of(mtu=1000, rate=RATE)
    came = drive(way, [(0, numbered(0, 1001)), (0, numbered(1, 1000)), (0, numbered(2, 28))])
    assert numbers(came) == [1, 2]
    assert way.counts == Counts(sent=3, oversized=1)


def test_a_cut_changes_no_other_fate() -> None:
    def left(cut: range) -> list[tuple[int, bytes]]:
        way = way_of(loss=0.2, duplicate=0.2, delay=20 * MS, jitter=5 * MS)
        came = []
        for n in range(500):
            way.is_cut = n in cut
            way.put(numbered(n), n * MS)
            came += [(n, packet) for packet in way.due(n * MS)]
        assert len(cut) <= way.counts.lost < 200 + len(cut)
        return [each for each in came if number_of(each[1]) not in range(90, 220)]

    assert left(range(100, 200)) == left(range(0))


def test_a_line_changes_neither_what_is_lost_nor_what_is_damaged() -> None:
    def came(**fields: Any) -> list[bytes]:
        chance: dict[str, Any] = {"loss": 0.2, "corrupt": 0.2, "garble": 0.1, "duplicate": 0.1}
        return [packet for _, packet in drive(way_of(**chance, **fields), ((n * MS, numbered(n)) for n in range(500)))]

    assert came() == came(rate=RATE) == came(rate=RATE, aqm=CoDel())


@pytest.mark.parametrize("fields", [{}, {"rate": 1_000_000, "queue": Limit(packets=3)}, {"duplicate": 1.0}])
def test_what_is_held_is_bounded(fields: dict) -> None:
    way = way_of(delay=40 * MS, **fields)
    way._most = 5 * 1256
    for n in range(9):
        way.put(numbered(n), 0)
    counts = way.counts
    assert len(list(way.due(10**12))) == (5 if not fields.get("rate") else 4)
    assert counts.overflowed + counts.dropped + (0 if fields.get("duplicate") else 4) >= 4
    way.put(numbered(9), 10**12)
    assert list(way.due(2 * 10**12))[:1] == [numbered(9)], "there is room again"
    assert way._held == 0


def test_clearing_loses_everything() -> None:
    way = way_of(delay=MS, rate=RATE)
    for n in range(3):
        way.put(numbered(n), 0)
    way.clear()
    assert way.next_due is None
    assert drive(way, [(9 * MS, numbered(4))]) == [(11 * MS, numbered(4))]


impairments = st.fixed_dictionaries(
    {
        "loss": st.sampled_from([0.0, 0.3]),
        "burst": st.sampled_from([None, GilbertElliott(p=0.2, r=0.3)]),
        "delay": st.sampled_from([0, 3 * MS, 40 * MS]),
        "jitter": st.sampled_from([0, 7 * MS]),
        "reorder": st.sampled_from([0.0, 0.3]),
        "duplicate": st.sampled_from([0.0, 0.3]),
        "rate": st.sampled_from([400_000, RATE, 1_000_000_007]),
        "queue": st.sampled_from([Limit(), Limit(packets=4), Limit(size=2500), Limit(time=9 * MS)]),
        "aqm": st.sampled_from([None, CoDel(), CoDel(target=MS, interval=5 * MS), Red(min_th=1, max_th=4, w_q=0.3)]),
    }
)
gaps = st.lists(st.tuples(st.sampled_from([0, 1, MS // 3, MS, 30 * MS]), st.integers(28, 1500)), max_size=40)


@settings(max_examples=60)
@given(impairments, gaps, st.integers(0, 99))
def test_asking_when_told_to_is_as_good_as_asking_all_the_time(fields: dict, puts: list, seed: int) -> None:
    """Nothing comes too late, and nothing hangs on who asks how often."""
    times, now = [], 0
    for n, (gap, size) in enumerate(puts):
        now += gap
        times.append((now, numbered(n, size)))
    seldom = way_of(seed, **fields)
    came = drive(seldom, times)
    often = way_of(seed, **fields)
    found = []
    for at, packet in times:
        for moment in (at - MS // 5, at - 1):
            found += list(often.due(max(moment, 0)))
        often.put(packet, at)
    found += list(often.due(10**15))
    assert sorted(found) == sorted(packet for _, packet in came)
    assert often.counts == seldom.counts
    counts = seldom.counts
    assert len(came) == counts.sent - counts.lost - counts.dropped + counts.duplicated
    if not fields["reorder"]:
        assert numbers(came) == sorted(numbers(came))
