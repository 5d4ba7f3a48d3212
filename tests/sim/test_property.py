"""THE property: every byte arrives once and in order, or both sides get an error."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sim_scenario import OPTIONS, SECOND, assert_all_or_error, run, seeded_options

from pystack.tcp.events import Ending
from pystack.tcp.timers import r2_timeout

PLAIN = {name: values[0] for name, values in OPTIONS.items()}
HOSTILE = PLAIN | {"loss": 0.05, "reorder": 0.3, "duplicate": 0.3, "delay": 20_000_000, "jitter": 5_000_000}
CUT = PLAIN | {"delay": 20_000_000, "cut_at": 150_000_000, "size_a": 3_000_000, "size_b": 3_000_000}


@pytest.mark.parametrize("first", range(0, 200, 20))
def test_every_byte_arrives_or_both_sides_get_an_error(first: int) -> None:
    for seed in range(first, first + 20):
        assert_all_or_error(run(seed, seeded_options(seed)))


@pytest.mark.long
@pytest.mark.parametrize("first", range(1000, 3000, 50))
def test_every_byte_arrives_or_both_sides_get_an_error_long(first: int) -> None:
    for seed in range(first, first + 50):
        assert_all_or_error(run(seed, seeded_options(seed)))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.integers(0, 2**32 - 1),
    st.fixed_dictionaries({name: st.sampled_from(values) for name, values in OPTIONS.items()}),
)
def test_every_byte_arrives_or_both_sides_get_an_error_hypothesis(seed: int, options: dict) -> None:
    assert_all_or_error(run(seed, options))


@pytest.mark.parametrize("seed", range(3))
def test_the_same_seed_gives_the_same_packets(seed: int) -> None:
    first, second, other = (run(s, HOSTILE).digest for s in (seed, seed, seed + 100))
    assert first == second
    assert first != other


@pytest.mark.parametrize("family", [4, 6])
def test_a_plain_link_needs_no_retransmission(family: int) -> None:
    outcome = run(1, PLAIN | {"family": family, "delay": 20_000_000, "size_a": 1_000_000})
    assert_all_or_error(outcome)
    assert outcome.a.ending is outcome.b.ending is Ending.NORMAL
    for side in (outcome.a, outcome.b):
        assert side.connection is not None
        assert side.connection.stats.retrans_segs == 0
    assert outcome.ended_at < 62 * SECOND, "a second of transfer, and TIME-WAIT"


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("sack", [True, False])
def test_a_link_that_is_cut_for_good_times_both_sides_out(family: int, sack: bool) -> None:
    """MUST-20, SHLD-11."""
    outcome = run(1, CUT | {"family": family, "sack": sack})
    assert_all_or_error(outcome)
    assert outcome.a.ending is outcome.b.ending is Ending.TIMED_OUT
    assert outcome.a.connection is not None
    r2 = r2_timeout(outcome.a.connection.config, 15)
    assert r2 <= outcome.ended_at <= r2 + 130 * SECOND
