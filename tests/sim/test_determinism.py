"""That trio's scheduling is seeded, that this is undone, and what is said where it cannot be."""

import random

import pytest
import trio
import trio.testing

from pystack.sim import Network, NotDeterministicWarning, Simulation, run
from pystack.sim.determinism import seeded_scheduling, why_not


async def order(tasks: int = 30) -> list[int]:
    """The order in which tasks that are ready at the same time get their turn."""
    seen: list[int] = []

    async def turn(number: int) -> None:
        await trio.sleep(1)
        seen.append(number)

    async with trio.open_nursery() as nursery:
        for number in range(tasks):
            nursery.start_soon(turn, number)
    return seen


def test_this_trio_can_be_seeded() -> None:
    """Where this fails, trio has changed: look at what `pystack/sim/determinism.py` knows of it."""
    assert why_not() == ""
    orders = [tuple(run(order, seed=seed)) for seed in (1, 1, 2, 3)]
    assert orders[0] == orders[1]
    assert len(set(orders)) == 3, "the seed decides"


def test_scheduling_is_as_before_afterwards() -> None:
    run_module = trio._core._run  # type: ignore[attr-defined]
    before = run_module._ALLOW_DETERMINISTIC_SCHEDULING, run_module._r.getstate()
    seen: list[bool] = []

    async def fails() -> None:
        seen.append(run_module._ALLOW_DETERMINISTIC_SCHEDULING)
        raise LookupError

    with pytest.raises(LookupError):
        run(fails, seed=1)
    assert seen == [True]
    assert (run_module._ALLOW_DETERMINISTIC_SCHEDULING, run_module._r.getstate()) == before


@pytest.mark.parametrize("missing", ["_ALLOW_DETERMINISTIC_SCHEDULING", "_r"])
def test_a_trio_that_cannot_be_seeded_is_told(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trio._core._run, missing, object())  # type: ignore[attr-defined]
    assert why_not()
    said = f"not deterministic: trio {trio.__version__} has no"
    with pytest.warns(NotDeterministicWarning, match=said), seeded_scheduling(1) as is_seeded:
        assert not is_seeded


def test_the_program_has_its_own_random_numbers() -> None:
    state = random.getstate()
    run(order, seed=1)
    assert random.getstate() == state


@pytest.mark.parametrize(
    ("clock", "reason"),
    [(None, "time is real"), (trio.testing.MockClock(rate=50), "time is real"), ("mine", "not seeded")],
)
def test_a_digest_that_will_be_another_next_time_says_so(clock: object, reason: str) -> None:
    async def main() -> None:
        async with Network() as lab:
            with pytest.warns(NotDeterministicWarning, match=f"not deterministic: .*{reason}"):
                assert lab.digest

    if clock == "mine":
        trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
    else:
        with seeded_scheduling(1):
            trio.run(main, clock=clock)


@pytest.mark.filterwarnings("error")
def test_a_digest_that_can_be_repeated_says_nothing() -> None:
    async def main() -> str:
        async with Network() as lab:
            return lab.digest

    assert run(main)
    lab = Network()
    assert lab.digest == Simulation().digest
