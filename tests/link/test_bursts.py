"""Losses in bursts, in the long run."""

from functools import partial
from itertools import groupby

import pytest
from path_lab import drive, number_of, numbered, way_of

from pystack.link.bursts import BurstLoss, GilbertElliott
from pystack.link.entropy import stream


def fates(settings: GilbertElliott, count: int, seed: int = 1) -> list[bool]:
    model = BurstLoss(settings, *map(partial(stream, seed), ("turns", "loss")))
    return [model.takes_next() for _ in range(count)]


@pytest.mark.parametrize(("p", "r"), [(0.01, 0.25), (0.05, 0.5), (0.02, 0.1)])
def test_loss_and_its_bursts(p: float, r: float) -> None:
    lost = fates(GilbertElliott(p=p, r=r), 200_000)
    assert sum(lost) / len(lost) == pytest.approx(p / (p + r), rel=0.1)
    bursts = [len(list(run)) for is_lost, run in groupby(lost) if is_lost]
    assert sum(bursts) / len(bursts) == pytest.approx(1 / r, rel=0.1)
    singles = bursts.count(1) / len(bursts)
    assert singles == pytest.approx(r, rel=0.15), "their lengths are geometric"


def test_each_state_has_its_loss() -> None:
    lost = fates(GilbertElliott(p=0.1, r=0.3, bad=0.8, good=0.05), 100_000)
    assert sum(lost) / len(lost) == pytest.approx(0.25 * 0.8 + 0.75 * 0.05, rel=0.05)


def test_the_seed_decides() -> None:
    settings = GilbertElliott(p=0.1, r=0.3)
    assert fates(settings, 500, 3) == fates(settings, 500, 3) != fates(settings, 500, 4)


def test_it_is_lost_on_the_way_and_counted() -> None:
    way = way_of(burst=GilbertElliott(p=0.05, r=0.25))
    came = drive(way, ((n, numbered(n)) for n in range(2000)))
    assert 200 < way.counts.lost < 500
    assert len(came) == 2000 - way.counts.lost
    assert way.counts.sent == 2000


def test_it_changes_nothing_of_other_losses() -> None:
    def left(**fields: object) -> set[int]:
        return {number_of(packet) for _, packet in drive(way_of(**fields), ((n, numbered(n)) for n in range(2000)))}

    burst = GilbertElliott(p=0.05, r=0.25)
    assert left(loss=0.2, burst=burst) == left(loss=0.2) & left(burst=burst)


@pytest.mark.parametrize("wrong", [{"p": 1.1, "r": 0.5}, {"p": 0.1, "r": -1}, {"p": 0.1, "r": 0.1, "bad": 2}])
def test_what_is_no_chance(wrong: dict) -> None:
    with pytest.raises(ValueError, match="is a probability"):
        GilbertElliott(**wrong)
