"""Losses that come in bursts: the model of Gilbert and Elliott."""

from dataclasses import dataclass
from random import Random

from pystack.link.quantities import check_probability


@dataclass(frozen=True, slots=True, kw_only=True)
class GilbertElliott:
    """A path is in a good state or in a bad one, and each packet may find that it has changed. In the long run
    p / (p + r) of the packets meet the bad one, and 1 / r in a row. Raises `ValueError`.
    """

    p: float
    """Chance that a good state has become bad."""
    r: float
    """Chance that a bad state has become good."""
    bad: float = 1.0
    """Chance of a packet to be lost in the bad state."""
    good: float = 0.0
    """The same in the good one."""

    def __post_init__(self) -> None:
        for name in ("p", "r", "bad", "good"):
            check_probability(name, getattr(self, name))


class BurstLoss:
    """The state of the model. Each packet draws as many numbers as any other."""

    __slots__ = ("_loss", "_settings", "_turns", "is_bad")

    def __init__(self, settings: GilbertElliott, turns: Random, loss: Random) -> None:
        self._settings = settings
        self._turns = turns
        self._loss = loss
        self.is_bad = False

    def takes_next(self) -> bool:
        """Whether the next packet is lost."""
        settings = self._settings
        if self._turns.random() < (settings.r if self.is_bad else settings.p):
            self.is_bad = not self.is_bad
        return self._loss.random() < (settings.bad if self.is_bad else settings.good)
