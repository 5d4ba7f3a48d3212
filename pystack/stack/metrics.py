"""Counters: what happened to packets and connections, by name (the MIB's or Linux's where one exists)."""


class Metrics:
    """Named counters that start at 0 and only grow."""

    __slots__ = ("_counts",)

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}

    def count(self, name: str, by: int = 1) -> None:
        """Adds to a counter."""
        counts = self._counts
        counts[name] = counts.get(name, 0) + by

    def __getitem__(self, name: str) -> int:
        return self._counts.get(name, 0)

    def snapshot(self) -> dict[str, int]:
        """All counters that are not 0, sorted by name."""
        return dict(sorted(self._counts.items()))
