"""When an ACK goes at once, and how long it may wait otherwise."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pystack.tcp.ackpolicy import AckPolicy
from pystack.tcp.config import TcpConfig
from pystack.tcp.rtt import RttEstimator

MS = 1_000_000
SECOND = 1_000_000_000


def fresh(quick_acks: int = 16, rtt: int | None = None) -> AckPolicy:
    """A policy at the start of a connection; `rtt` has been measured once."""
    config = TcpConfig(quick_acks=quick_acks)
    estimator = RttEstimator(config)
    if rtt is not None:
        estimator.sample(rtt)
    return AckPolicy(config, estimator, 1460)


def settled(rtt: int | None = None) -> AckPolicy:
    """A policy that has used up its quick ACKs."""
    return fresh(0, rtt)


def test_the_first_segments_are_acknowledged_at_once() -> None:
    policy, at_once = fresh(), 0
    for n in range(20):
        policy.on_text(100, 0, SECOND + n * 100 * MS)
        at_once += policy.now
        policy.on_ack_sent()
    assert at_once == 16
    policy.on_text(100, 0, 10 * SECOND)
    assert policy.now, "the pause was longer than a time-out"


def test_every_second_full_segment_is_acknowledged_at_once() -> None:
    """SHLD-18, SHLD-19."""
    policy, seen = settled(), []
    for n in range(6):
        policy.on_text(1460, 0, SECOND + n)
        seen.append(policy.now)
        if policy.now:
            policy.on_ack_sent()
    assert seen == [False, True] * 3


def test_a_super_segment_counts_by_its_wire_segments() -> None:
    policy = settled()
    policy.on_text(2000, 1000, SECOND)
    assert policy.rcv_mss == 1000
    assert policy.now


def test_a_lone_segment_waits_forty_milliseconds() -> None:
    """MUST-40."""
    policy = settled()
    policy.on_text(100, 0, SECOND)
    assert (policy.now, policy.deadline) == (False, SECOND + 40 * MS)
    policy.on_text(90, 0, SECOND + 10 * MS)
    assert not policy.now
    assert policy.deadline == SECOND + 40 * MS, "the first one's wait is not prolonged"
    policy.on_deadline()
    assert (policy.now, policy.deadline) == (True, None)
    policy.on_ack_sent()
    assert (policy.now, policy.deadline, policy.unacked) == (False, None, 0)


@given(st.lists(st.tuples(st.integers(1, 3000), st.integers(0, 2 * SECOND)), min_size=1, max_size=50))
def test_no_ack_ever_waits_for_half_a_second(arrivals: list[tuple[int, int]]) -> None:
    """MUST-40."""
    policy, now = fresh(2), SECOND
    for size, gap in arrivals:
        now += gap
        if policy.deadline is not None and policy.deadline <= now:
            policy.on_deadline()
            policy.on_ack_sent()
        policy.on_text(size, 0, now)
        assert policy.now or policy.deadline is not None
        assert policy.deadline is None or policy.deadline - now <= 200 * MS
        if policy.now:
            policy.on_ack_sent()


def test_a_connection_that_answers_lets_the_ack_ride_along() -> None:
    policy = fresh()
    policy.on_text(100, 0, SECOND)
    policy.on_ack_sent()
    policy.on_text_sent(SECOND + 5 * MS)
    policy.on_text(100, 0, SECOND + 6 * MS)
    assert not policy.now
    policy.on_deadline()
    assert not policy.interactive, "the answer did not come in time"


def test_more_than_one_full_segment_is_acknowledged_at_once() -> None:
    policy = settled()
    policy.on_text(1000, 0, SECOND)
    assert not policy.now
    policy.on_text(1, 0, SECOND)
    assert policy.now


def test_no_segment_is_taken_for_larger_than_the_peer_was_told() -> None:
    """A device may hand over many wire segments as one packet."""
    policy = settled()
    policy.on_text(10_000, 0, SECOND)
    assert policy.rcv_mss == 1460
    assert policy.now


@pytest.mark.parametrize(("rtt", "delay"), [(None, 80), (MS, 40), (60 * MS, 60), (SECOND, 80)])
def test_an_ack_that_nothing_took_along_waits_longer_but_for_no_more_than_a_round_trip(
    rtt: int | None, delay: int
) -> None:
    policy = settled(rtt)
    policy.on_text(100, 0, SECOND)
    policy.on_deadline()
    policy.on_ack_sent()
    policy.on_text(100, 0, SECOND + 100 * MS)
    assert policy.deadline == SECOND + 100 * MS + delay * MS


def test_the_delay_follows_the_pauses_between_segments() -> None:
    policy, now, waits = settled(), SECOND, []
    for gap in (30, 30, 10, 10, 10):
        now += gap * MS
        policy.on_text(100, 0, now)
        assert policy.deadline is not None
        waits.append((policy.deadline - now) // MS)
        policy.on_ack_sent()
    assert waits == [40, 50, 45, 42, 41]


def test_an_ack_that_is_as_good_as_due_goes_with_the_next_segment() -> None:
    policy = settled()
    policy.on_text(100, 0, SECOND)
    policy.on_text(90, 0, SECOND + 27 * MS)
    assert not policy.now
    policy.on_text(80, 0, SECOND + 32 * MS)
    assert policy.now


def test_text_that_comes_again_brings_quick_acks_back() -> None:
    policy = fresh()
    policy.on_text(100, 0, SECOND)
    policy.on_ack_sent()
    policy.on_text_sent(SECOND)
    assert not policy.is_quick
    policy.on_duplicate()
    assert policy.now
    policy.on_ack_sent()
    policy.on_text(100, 0, SECOND + MS)
    assert policy.now


@pytest.mark.parametrize(
    ("sizes", "answered", "emptied", "now"),
    [
        ((100,), False, True, True),
        ((100,), False, False, False),
        ((100,), True, True, False),
        ((100, 100), True, True, True),
        ((600,), False, True, False),
    ],
)
def test_who_has_read_all_of_a_small_segment_acknowledges_it(
    sizes: tuple[int, ...], answered: bool, emptied: bool, now: bool
) -> None:
    policy = settled()
    policy.interactive = answered
    for size in sizes:
        policy.on_text(size, 0, SECOND)
    policy.on_read(emptied)
    assert policy.now == now
    policy.on_ack_sent()
    policy.on_read(True)
    assert not policy.now, "nothing is owed"


def test_surprises_are_acknowledged_at_once() -> None:
    policy = settled()
    policy.on_surprise()
    assert policy.now
