"""What a bad path does to packets, as values. `pystack.link.path` does it."""

from dataclasses import dataclass, field, fields
from typing import Final

from pystack.link.bursts import GilbertElliott
from pystack.link.codel import CoDel
from pystack.link.impairkeys import check_key, full_name, read_value, to_fields
from pystack.link.quantities import check_amount, check_probability
from pystack.link.queues import Limit
from pystack.link.red import Red

_QUEUE: Final = Limit(time=200_000_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Impairments:
    """What one direction of a path does to each packet. `loss`, `reorder`, `duplicate`, `corrupt` and `garble` are
    probabilities from 0 to 1, times are integer nanoseconds. A packet first waits for the line (`rate`), then is on its
    way, where the rest happens to it. Raises `ValueError` for what is none of these.
    """

    loss: float = 0.0
    burst: GilbertElliott | None = None
    """Losses that come in bursts, beside those of `loss`."""
    delay: int = 0
    """Least time that a packet is under way."""
    jitter: int = 0
    """Most time that is added to it, at random; packets keep their order."""
    reorder: float = 0.0
    """Chance of being late by up to another `delay` + `jitter`, or 1 ms where both are 0: later packets overtake it."""
    duplicate: float = 0.0
    """Chance of arriving twice: at once, but where one of the two is late."""
    corrupt: float = 0.0
    """Chance of one flipped bit, always one that a checksum covers."""
    garble: float = 0.0
    """Chance that a run of bytes, anywhere and of any length, is overwritten by random ones. The checksums do not
    always find that; `Counts` tells how often they would not.
    """
    rate: int = 0
    """Bits per second that the line takes, of whole IP packets; 0: any number."""
    queue: Limit = _QUEUE
    """The most that waits for the line; what finds no room is dropped."""
    aqm: CoDel | Red | None = None
    """What manages the queue; None: nobody, which is drop-tail."""
    mtu: int = 0
    """Bytes of the largest packet that gets through; 0: any."""

    def __post_init__(self) -> None:
        for each in fields(self):
            if each.type is float:
                check_probability(each.name, getattr(self, each.name))
            elif each.type is int:
                check_amount(each.name, getattr(self, each.name))
        if not isinstance(self.queue, Limit):
            raise ValueError(f"queue is a Limit, and {self.queue!r} is none")
        if self.aqm is not None and not self.rate:
            raise ValueError("aqm needs a rate: nothing waits for a line that has none")

    @classmethod
    def of(cls, **values: object) -> "Impairments":
        """From values as people write them: `Impairments.of(rate="20 Mbit/s", delay="40 ms", queue="64 packets",
        loss="1%", aqm="codel")`.

        The keys are those of `pystack.link.impairkeys`, and a value is text as there, or what the field takes: a
        probability, nanoseconds, bits per second, bytes; `queue=64` are packets, and `aqm` and `burst` take a `CoDel`,
        `Red` or `GilbertElliott` too. Raises `ValueError`, one sentence that names the bad key or value.
        """
        read: dict[str, object] = {}
        for given, value in values.items():
            key = full_name(given)
            check_key(key)
            if key in read:
                raise ValueError(f"{key} is given twice")
            try:
                read[key] = read_value(key, value) if isinstance(value, str) else value
            except ValueError as error:
                raise ValueError(f"{given}={value}: {error}") from None
        return cls(**to_fields(read))


@dataclass(frozen=True, slots=True, kw_only=True)
class PathImpairments:
    """What a path does in each direction: to what comes to the stack, and to what it sends. The same `seed` and the
    same packets at the same times give the same fates.
    """

    inbound: Impairments = field(default_factory=Impairments)
    outbound: Impairments = field(default_factory=Impairments)
    seed: int = 0
