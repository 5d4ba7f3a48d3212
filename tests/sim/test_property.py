"""THE property: every byte arrives once and in order, or both sides get an error."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scapy.utils import PcapNgReader
from sim_options import CUT, HOSTILE, OPTIONS, PLAIN, SECOND, seeded_options
from sim_scenario import Outcome, assert_all_or_error, run
from sim_seeds import COMMAND, find_violation, find_violations

from pystack.tcp.events import Ending
from pystack.tcp.timers import r2_timeout


def assert_no_violation(seeds: range, workers: int) -> None:
    violations = [found for _, found in find_violations(seeds, workers) if found is not None]
    assert not violations, "\n".join(violations)


@pytest.mark.parametrize("first", range(0, 200, 20))
def test_every_byte_arrives_or_both_sides_get_an_error(first: int) -> None:
    assert_no_violation(range(first, first + 20), 1)


@pytest.mark.long
@pytest.mark.parametrize("first", range(1000, 11_000, 500))
def test_every_byte_arrives_or_both_sides_get_an_error_long(first: int) -> None:
    """10,000 seeds, of which the name of each test says how far they are."""
    assert_no_violation(range(first, first + 500), os.cpu_count() or 1)


def test_a_violation_says_how_to_see_it_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def takes_a_part_for_the_whole(outcome: Outcome) -> None:
        outcome.a.got += b"x"
        assert_all_or_error(outcome)

    monkeypatch.setattr("sim_seeds.assert_all_or_error", takes_a_part_for_the_whole)
    said = find_violation(7, tmp_path)
    assert said is not None
    assert said.startswith("seed 7: AssertionError: of 1")
    assert "at sim_holds.py:" in said
    assert f"{COMMAND} 7\n" in said
    capture = tmp_path / "pystack-seed-7.pcapng"
    assert str(capture) in said
    comments = [packet.comment for packet in PcapNgReader(str(capture))]
    assert comments[0] == b"a: syn"


@pytest.mark.parametrize("seed", [3, 11, 17, 23])
def test_poisoned_buffers_change_nothing(seed: int) -> None:
    """Nobody keeps a reader's buffer: "Who owns bytes" in docs/architecture.md. Bytes of one's own are kept whole, and
    count as more of the receive buffer, so that a run with those may differ.
    """
    options = seeded_options(seed) | {"loss": 0.05, "size_a": 60_000, "size_b": 20_000, "crash_at": None, "fault": ""}
    lent, poisoned = run(seed, options, buffers="lent"), run(seed, options, buffers="poisoned")
    assert_all_or_error(poisoned)
    assert len(lent.b.got) > 1000, "there were buffers to keep"
    assert lent.digest == poisoned.digest


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
