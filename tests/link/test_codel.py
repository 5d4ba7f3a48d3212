"""CoDel against traces that were worked out by hand from RFC 8289's pseudocode."""

from random import Random

import pytest
from path_lab import MS, drive, ip_packet, number_of, numbered, way_of

from pystack.link.codel import CoDel, CoDelQueue, control_law
from pystack.link.ecn import ce_marked
from pystack.link.queues import Backlog, Limit, Verdict

LONG, SHORT = 10 * MS, 4 * MS
FULL = Backlog(packets=50, size=50_000)


def queue() -> CoDelQueue:
    codel = CoDel().start(1_000_000, Random(0))
    codel.on_arrival(1000, Backlog(), 0)
    return codel


def drops(codel: CoDelQueue, first: int, last: int, sojourn: int = LONG, backlog: Backlog = FULL) -> list[int]:
    """One packet departs each millisecond, both ends included; when some are dropped, and how often."""
    found = []
    for ms in range(first, last + 1):
        while codel.on_departure(sojourn, backlog, ms * MS) is not Verdict.PASS:
            found.append(ms)
    return found


def test_drops_come_ever_faster() -> None:
    """First after an interval above the target, then at interval / sqrt(count) after each other: 100, 70.7, 57.7, 50,
    44.7, 40.8 ms, counted from when the last was due.
    """
    codel = queue()
    assert drops(codel, 0, 470) == [100, 200, 271, 329, 379, 424, 464]
    assert codel.drop_next == 501_788_339


def test_one_good_packet_ends_it() -> None:
    codel = queue()
    drops(codel, 0, 250)
    assert drops(codel, 251, 251, SHORT) == []
    assert drops(codel, 252, 351) == [], "an interval above the target again"
    assert drops(codel, 352, 352) == [352]


def test_it_goes_on_with_the_rate_that_was_enough() -> None:
    """Seven drops in the first cycle, of which the first counted for the start: the next begins with a count of six."""
    codel = queue()
    drops(codel, 0, 465)
    drops(codel, 466, 466, SHORT)
    assert drops(codel, 470, 612) == [570, 611]
    assert codel.count == 7
    drops(codel, 613, 613, SHORT)
    assert drops(codel, 614, 614 + 1700, SHORT) == []
    assert drops(codel, 2400, 2600) == [2500, 2600], "long after that it begins anew"


def test_the_target_itself_is_too_long() -> None:
    assert drops(queue(), 0, 100, 5 * MS) == [100]
    assert drops(queue(), 0, 500, 5 * MS - 1) == []


@pytest.mark.parametrize(("later", "count"), [(16 * 100 * MS - 1, 6), (16 * 100 * MS, 1)])
def test_sixteen_intervals_are_long_ago(later: int, count: int) -> None:
    """Counted from when the next drop would have been due: 463.991892 ms, as that is scheduled only when the packet
    behind one that is dropped has waited too long as well.
    """
    codel = queue()
    drops(codel, 0, 463)
    assert codel.on_departure(LONG, FULL, 464 * MS) is Verdict.SIGNAL
    assert codel.on_departure(SHORT, FULL, 464 * MS) is Verdict.PASS
    assert codel.drop_next == 463_991_892
    again = codel.drop_next + later
    codel.on_departure(LONG, FULL, again - 100 * MS)
    assert codel.on_departure(LONG, FULL, again) is Verdict.SIGNAL
    assert codel.count == count
    assert codel.on_departure(LONG, FULL, again) is Verdict.PASS
    assert codel.drop_next == control_law(again, 100 * MS, count), "nothing is owed from the last time"


def test_what_is_overdue_is_dropped_at_once() -> None:
    """The line was busy for long: 200, 270.7, 328.4, 378.4 are due at 400, and 423.2 is not."""
    codel = queue()
    assert drops(codel, 0, 100) == [100]
    assert drops(codel, 400, 400) == [400] * 4


def test_a_queue_of_one_packet_is_no_standing_queue() -> None:
    codel = queue()
    assert drops(codel, 0, 500, LONG, Backlog(packets=1, size=1000)) == []
    assert drops(codel, 501, 601, LONG, Backlog(packets=2, size=1001)) == [601]


@pytest.mark.parametrize(("count", "gap"), [(1, 100_000_000), (2, 70_710_678), (3, 57_735_026), (100, 10_000_000)])
def test_the_control_law(count: int, gap: int) -> None:
    assert control_law(5, 100 * MS, count) == 5 + gap


@pytest.mark.parametrize("wrong", [{"target": -1}, {"interval": 0}, {"interval": 1.5}])
def test_settings_that_are_none(wrong: dict) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(wrong))} is an integer"):
        CoDel(**wrong)


def test_before_a_line_it_keeps_the_queue_short() -> None:
    """A tenth more than the line takes, for 9 s, from somebody who does not listen."""
    puts = [(n * 9 * MS // 10, numbered(n)) for n in range(10_000)]
    way = way_of(rate=8_000_000, aqm=CoDel())  # 1 ms a packet
    came = drive(way, puts)
    waits = [at - number_of(packet) * 9 * MS // 10 for at, packet in came]
    assert max(waits) > 30 * MS
    assert sum(waits[-2000:]) / 2000 < 40 * MS, "drop-tail would have it at 200 ms"
    assert len(came) == 10_000 - way.counts.dropped
    assert [number_of(packet) for _, packet in came] == sorted(number_of(packet) for _, packet in came)


@pytest.mark.parametrize("family", [4, 6])
def test_it_marks_instead_of_dropping(family: int) -> None:
    sent = {ecn: ip_packet(family, 253, bytes(960), ecn) for ecn in (0, 1)}
    for ecn, packet in sent.items():
        way = way_of(rate=8_000_000, queue=Limit(), aqm=CoDel(ecn=True))
        came = [data for _, data in drive(way, ((n * 9 * MS // 10, packet) for n in range(3000)))]
        counts = way.counts
        if ecn:
            assert counts.dropped == 0
            assert counts.marked > 10
            assert came.count(ce_marked(packet) or b"") == counts.marked
        else:
            assert counts.marked == 0
            assert counts.dropped == 3000 - len(came) > 10
            assert set(came) == {packet}
