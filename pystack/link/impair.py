"""What a bad link does to packets."""

from dataclasses import dataclass
from random import Random


@dataclass(frozen=True, slots=True, kw_only=True)
class Impairments:
    """What one direction of a link does to each packet. `loss`, `reorder`, `duplicate` and `corrupt` are
    probabilities from 0 to 1, times are integer nanoseconds.
    """

    loss: float = 0.0
    delay: int = 0
    """Least time that a packet is under way."""
    jitter: int = 0
    """Most time that is added to it, at random; packets keep their order."""
    reorder: float = 0.0
    """Chance of being late by up to another `delay` + `jitter`, so that later packets overtake."""
    duplicate: float = 0.0
    """Chance of arriving twice."""
    corrupt: float = 0.0
    """Chance of one flipped bit."""

    def copies(self, generator: Random) -> int:
        """How often a packet arrives: 0, 1 or 2 times."""
        if generator.random() < self.loss:
            return 0
        return 2 if generator.random() < self.duplicate else 1

    def lateness(self, generator: Random) -> int:
        """By how much a packet is late beyond its proper place in the queue; 0 for most."""
        if generator.random() >= self.reorder:
            return 0
        return int(generator.random() * (self.delay + self.jitter))

    def damaged(self, packet: bytes, generator: Random) -> bytes:
        """The packet as it arrives."""
        if generator.random() >= self.corrupt or not packet:
            return packet
        bit = int(generator.random() * 8 * len(packet))
        flipped = bytearray(packet)
        flipped[bit >> 3] ^= 1 << (bit & 7)
        return bytes(flipped)
