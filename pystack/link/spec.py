"""The small language of what is done to packets on the command line: `in:loss=3%,delay=40ms;out:rate=1Mbit;seed=7`.

Parts are separated by `;`. A part is for one direction when `in:` (to the stack) or `out:` (from it) is before it, else
for both. Its items are separated by `,` and are each `KEY=VALUE`; spaces do not count.
"""

from typing import Final, NamedTuple

DIRECTIONS: Final = "in", "out"


class Item(NamedTuple):
    """One `KEY=VALUE`, the direction that it is for (empty: both), and how it is called in a complaint."""

    direction: str
    key: str
    value: str

    def __str__(self) -> str:
        return f"{self.direction}:{self.key}={self.value}" if self.direction else f"{self.key}={self.value}"

    @property
    def directions(self) -> tuple[str, ...]:
        """The directions that it is for."""
        return (self.direction,) if self.direction else DIRECTIONS


def read_items(text: str) -> list[Item]:
    """The items in the order in which they are written; raises `ValueError`, which names what is wrong."""
    found = []
    for part in text.split(";"):
        direction, colon, rest = part.partition(":")
        if colon and direction.strip() not in DIRECTIONS:
            raise ValueError(f"{direction.strip()!r} is no direction: there are {' and '.join(DIRECTIONS)}")
        for item in (rest if colon else part).split(","):
            key, equals, value = (word.strip() for word in item.partition("="))
            if not (key and equals and value):
                where = f"{item.strip()!r} in {part.strip()!r}" if item.strip() != part.strip() else repr(item.strip())
                raise ValueError(f"{where} is no KEY=VALUE")
            found.append(Item(direction.strip() if colon else "", key, value))
    return found
