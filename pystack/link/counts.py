"""What has become of the packets of one direction of a path."""

from dataclasses import dataclass, fields


@dataclass(slots=True)
class Counts:
    """Packets, each counted where its fate was sealed."""

    sent: int = 0
    """What was put on the path, as wire packets; what faults have made of them."""
    lost: int = 0
    """Taken by loss, independent or in bursts, or put on a path that was cut."""
    oversized: int = 0
    """Larger than the path's MTU."""
    dropped: int = 0
    """Without room in the queue before the line, or dropped by what manages that."""
    marked: int = 0
    """Told of congestion (CE) by what manages the queue, instead of being dropped."""
    duplicated: int = 0
    corrupted: int = 0
    """With one bit flipped: of two copies each counts."""
    garbled: int = 0
    """With a run of bytes overwritten by others."""
    undetected: int = 0
    """Of those that were garbled, the ones whose checksums hold nevertheless."""
    overflowed: int = 0
    """Beyond the bytes that may be under way (duplicates too)."""
    refused: int = 0
    """What the device did not take when it was due."""

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(*(getattr(self, each.name) + getattr(other, each.name) for each in fields(self)))

    def __str__(self) -> str:
        others = [(each.name, getattr(self, each.name)) for each in fields(self)[2:]]
        return ", ".join(
            [f"{self.sent} packets", f"{self.lost} lost", *(f"{count} {name}" for name, count in others if count)]
        )
