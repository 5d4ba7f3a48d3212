"""RED against its formulas."""

from itertools import pairwise
from random import Random

import pytest
from path_lab import MS, drive, ip_packet, numbered, way_of

from pystack.link.queues import Backlog, Limit, Verdict
from pystack.link.red import Red, RedQueue, decayed, early_chance, spread


def queue(**fields: float) -> RedQueue:
    return Red(**fields).start(4_000_000, Random(1))  # type: ignore[arg-type] # 1 ms for a typical packet


@pytest.mark.parametrize(
    ("average", "chance"), [(4.9, 0), (5, 0), (10, 0.05), (14, 0.09), (15, 0.1), (22.5, 0.55), (30, 1), (80, 1)]
)
def test_the_chance_rises_with_the_average(average: float, chance: float) -> None:
    assert early_chance(average, Red()) == pytest.approx(chance)


def test_chances_are_spread() -> None:
    assert spread(0.1, 0) == 0.1
    assert spread(0.1, 5) == pytest.approx(0.2)
    assert spread(0.1, 9) == spread(0.1, 50) == 1.0
    assert spread(1.0, 0) == 1.0


def test_the_average_is_weighted() -> None:
    red = queue(w_q=0.5)
    seen = []
    for waiting in (10, 10, 10, 2):
        red.on_arrival(1000, Backlog(packets=waiting), 0)
        seen.append(red.average)
    assert seen == [5.0, 7.5, 8.75, 5.375]


def test_time_without_a_queue_ages_the_average() -> None:
    red = queue(w_q=0.25)
    red.on_arrival(1000, Backlog(packets=16), 0)
    assert red.average == 4.0
    red.on_departure(0, Backlog(packets=0), 10 * MS)
    red.on_arrival(1000, Backlog(packets=0), 13 * MS)
    assert red.average == pytest.approx(4 * 0.75**3 * 0.75), "three packets' time, and the arrival itself"
    red.on_arrival(1000, Backlog(packets=0), 14 * MS)
    assert red.average == pytest.approx(4 * 0.75**6), "one that was dropped leaves the queue as empty"


@pytest.mark.parametrize("packets", [0, 1, 2, 7, 1000, 10**15])
def test_decay_is_a_power(packets: int) -> None:
    assert decayed(30.0, 0.002, packets) == pytest.approx(30.0 * 0.998**packets)


def test_gaps_between_drops_are_even() -> None:
    """With a chance of 1 in 20 the gaps are 1 to 19, each as often as any other (Floyd and Jacobson, section 7)."""
    red = queue(w_q=1.0)
    hits = [n for n in range(40_000) if red.on_arrival(1000, Backlog(packets=10), 0) is Verdict.SIGNAL]
    gaps = [after - before for before, after in pairwise(hits)]
    assert (min(gaps), max(gaps)) == (1, 19)
    assert 9.7 < sum(gaps) / len(gaps) < 10.3
    assert all(150 < gaps.count(n) < 280 for n in range(1, 20))


@pytest.mark.parametrize(("waiting", "verdict"), [(14, Verdict.SIGNAL), (15, Verdict.DROP), (30, Verdict.DROP)])
def test_above_the_maximum_nothing_is_marked(waiting: int, verdict: Verdict) -> None:
    """RFC 3168 section 19.1."""
    red = queue(w_q=1.0)
    verdicts = [red.on_arrival(1000, Backlog(packets=waiting), 0) for _ in range(1000)]
    assert set(verdicts) <= {Verdict.PASS, verdict}
    assert verdicts.count(verdict) > 100
    assert waiting < 30 or verdicts.count(verdict) == 1000


def test_what_can_be_marked_is_dropped_nevertheless() -> None:
    """Above the maximum threshold, and where there is no room."""
    packet = ip_packet(4, 253, bytes(980), 1)
    for fields in (
        {"aqm": Red(ecn=True, min_th=0, max_th=1, w_q=1.0)},
        {"aqm": Red(ecn=True), "queue": Limit(packets=2)},
    ):
        way = way_of(rate=8_000_000, **fields)
        assert len(drive(way, [(0, packet)] * 9)) == 3
        assert way.counts.dropped == 6


@pytest.mark.parametrize(
    "wrong", [{"min_th": -1}, {"max_th": 0.5}, {"max_p": 2}, {"w_q": -1}, {"min_th": 15}, {"max_th": 5}]
)
def test_settings_that_are_none(wrong: dict) -> None:
    with pytest.raises(ValueError, match="is"):
        Red(**wrong)


def test_before_a_line_it_drops_early() -> None:
    """Twice what the line takes: RED keeps the average below where it drops one in two, the queue far from full."""
    way = way_of(rate=8_000_000, aqm=Red(w_q=0.02))  # 1 ms a packet
    came = drive(way, ((n * MS // 2, numbered(n)) for n in range(10_000)))
    assert 4500 < way.counts.dropped < 5500
    assert len(came) == 10_000 - way.counts.dropped
    waits = [at - int.from_bytes(packet[:2], "big") * MS // 2 for at, packet in came[1000:]]
    assert 5 * MS < sum(waits) / len(waits) < 25 * MS
    assert max(waits) < 40 * MS


def test_it_marks_what_can_be_marked() -> None:
    for ecn in (0, 2):
        way = way_of(rate=8_000_000, aqm=Red(ecn=True, max_th=60, max_p=0.2, w_q=0.1))
        packet = ip_packet(6, 253, bytes(960), ecn)
        drive(way, ((n * 9 * MS // 10, packet) for n in range(300)))
        marked, dropped = way.counts.marked, way.counts.dropped
        assert (marked > 5, dropped) == (True, 0) if ecn else (marked, dropped > 5) == (0, True)
