"""trio programs that run the same way each time: the one room that knows how trio chooses whose turn it is.

trio shuffles the tasks that are ready at the same time, by a generator that nobody seeds. Inside `seeded_scheduling` it
sorts them first, as it does for Hypothesis, and the generator is seeded. That makes the packets of a trio program the
same, to the byte, for one version of Python and of trio; a run without trio needs none of this.
"""

import random
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

import trio
import trio.testing

from pystack.link.entropy import stream

_SWITCH: Final = "_ALLOW_DETERMINISTIC_SCHEDULING"
_GENERATOR: Final = "_r"


class NotDeterministicWarning(UserWarning):
    """A run that was to be repeatable is not."""


_is_seeded: ContextVar[bool] = ContextVar("pystack_sim_is_seeded", default=False)


def why_not_here() -> str:
    """Why the trio program that runs now cannot be repeated; empty where it can."""
    if not _is_seeded.get():
        return why_not() or "trio's scheduling is not seeded, as pystack.sim.run does"
    clock = trio.lowlevel.current_clock()
    if not isinstance(clock, trio.testing.MockClock) or clock.rate:
        return "time is real"
    return ""


def why_not() -> str:
    """Why this trio's scheduling cannot be repeated; empty where it can."""
    run = _trio_run()
    if not isinstance(getattr(run, _SWITCH, None), bool):
        return f"trio {trio.__version__} has no switch for it"
    if not isinstance(getattr(run, _GENERATOR, None), random.Random):
        return f"trio {trio.__version__} has no generator that can be seeded"
    return ""


def warn(reason: str, *, stacklevel: int = 3) -> None:
    """Says that what was to be repeatable is not, at the place of whoever called the caller."""
    warnings.warn(f"not deterministic: {reason}", NotDeterministicWarning, stacklevel=stacklevel)


@contextmanager
def seeded_scheduling(seed: int) -> Iterator[bool]:
    """For as long as this lasts trio's scheduling depends on `seed` alone. Gives whether it does: where this trio
    cannot do that, there is a `NotDeterministicWarning` that says why, and the program runs all the same.
    """
    reason = why_not()
    if reason:
        warn(reason, stacklevel=4)
        yield False
        return
    run = _trio_run()
    switch, generator = getattr(run, _SWITCH), getattr(run, _GENERATOR)
    state = generator.getstate()
    generator.seed(stream(seed, "trio").getrandbits(64))
    setattr(run, _SWITCH, True)
    token = _is_seeded.set(True)
    try:
        yield True
    finally:
        _is_seeded.reset(token)
        setattr(run, _SWITCH, switch)
        generator.setstate(state)


def _trio_run() -> Any:
    return getattr(getattr(trio, "_core", None), "_run", None)
