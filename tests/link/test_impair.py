"""What a bad path does to packets, without any clock but the test's."""

from dataclasses import replace
from functools import partial

import pytest

from pystack.link.codel import CoDel
from pystack.link.counts import Counts
from pystack.link.damage import damaged
from pystack.link.entropy import stream
from pystack.link.impair import Impairments
from pystack.link.passage import Passage

MS = 1_000_000
ALL = Impairments(loss=0.2, delay=20 * MS, jitter=30 * MS, reorder=0.1, duplicate=0.1, corrupt=0.1)
ORDERLY = Impairments(delay=20 * MS, jitter=30 * MS)

Came = dict[int, list[tuple[int, bytes]]]


def packet(number: int) -> bytes:
    return number.to_bytes(2, "big") * 50


def sent(impairments: Impairments, count: int = 2000, seed: int = 1, gap: int = MS) -> Came:
    """What becomes of `count` packets, `gap` apart."""
    passage, counts = Passage(impairments, partial(stream, seed)), Counts()
    fates = {n: passage.draw(len(packet(n))) for n in range(count)}
    return {
        n: [(at, damaged(packet(n), copy, counts)) for at, copy in passage.arrivals(fate, n * gap)]
        for n, fate in fates.items()
    }


def test_without_impairments_a_packet_comes_out_as_and_when_it_goes_in() -> None:
    assert sent(Impairments(), 9) == {n: [(n * MS, packet(n))] for n in range(9)}


def test_each_comes_as_often_as_asked() -> None:
    came = sent(ALL)
    assert 330 < sum(not fates for fates in came.values()) < 470
    assert 110 < sum(len(fates) == 2 for fates in came.values()) < 210
    damaged = [(n, data) for n, fates in came.items() for _, data in fates if data != packet(n)]
    assert 110 < len(damaged) < 230
    for n, data in damaged:
        flipped = int.from_bytes(data, "big") ^ int.from_bytes(packet(n), "big")
        assert flipped.bit_count() == 1


def test_jitter_keeps_the_order_and_reorder_does_not() -> None:
    came = [fates[0][0] for fates in sent(ORDERLY).values()]
    assert came == sorted(came)
    assert len(set(came)) > 100
    late = [fates[0][0] for fates in sent(replace(ORDERLY, reorder=0.1)).values()]
    assert late != sorted(late)
    for n, at in enumerate(came):
        assert 20 * MS <= at - n * MS <= 50 * MS
    moved = [after - before for before, after in zip(came, late, strict=True) if after != before]
    assert 140 < len(moved) < 260
    assert 0 < min(moved) < max(moved) <= 50 * MS


@pytest.mark.parametrize("seed", range(3))
def test_the_same_seed_does_the_same(seed: int) -> None:
    assert sent(ALL, seed=seed) == sent(ALL, seed=seed)
    assert sent(ALL, seed=seed) != sent(ALL, seed=seed + 1)


def test_loss_changes_nothing_of_what_is_left() -> None:
    whole, lossy = sent(replace(ALL, loss=0.0)), sent(ALL)
    left = {n: fates for n, fates in lossy.items() if fates}
    assert left == {n: whole[n] for n in left}


def test_duplicates_change_nothing_of_what_comes_first() -> None:
    twice, once = sent(ALL), sent(replace(ALL, duplicate=0.0))
    assert {n: fates[:1] for n, fates in twice.items()} == once


def test_no_other_impairment_changes_what_is_lost_or_comes_twice() -> None:
    pattern = {n: len(fates) for n, fates in sent(ALL).items()}
    assert pattern == {n: len(fates) for n, fates in sent(Impairments(loss=0.2, duplicate=0.1)).items()}


def test_corruption_and_reordering_leave_each_other_alone() -> None:
    plain = replace(ALL, corrupt=0.0, reorder=0.0)
    for change in ({"corrupt": 0.1}, {"reorder": 0.1}):
        alone, together = sent(replace(plain, **change)), sent(ALL)
        kept = 1 if "corrupt" in change else 0
        assert [[f[kept] for f in fates] for fates in alone.values()] == [
            [f[kept] for f in fates] for fates in together.values()
        ]


@pytest.mark.parametrize(
    "wrong",
    [
        {"loss": 3.0},
        {"corrupt": -0.1},
        {"garble": True},
        {"reorder": float("nan")},
        {"duplicate": "1%"},
        {"delay": -1},
        {"jitter": 0.5},
        {"rate": -8},
        {"mtu": "1500"},
        {"queue": 64},
    ],
)
def test_what_is_no_probability_time_or_rate(wrong: dict) -> None:
    (name,) = wrong
    with pytest.raises(ValueError, match=f"{name} is "):
        Impairments(**wrong)


def test_a_queue_is_managed_before_a_line_only() -> None:
    with pytest.raises(ValueError, match="aqm needs a rate"):
        Impairments(aqm=CoDel())


def test_nothing_can_be_damaged_in_an_empty_packet() -> None:
    passage, counts = Passage(Impairments(corrupt=1.0, garble=1.0), partial(stream, 1)), Counts()
    ((at, copy),) = passage.arrivals(passage.draw(0), 5)
    assert (at, damaged(b"", copy, counts)) == (5, b"")
    assert counts == Counts()
