"""Ranges of sequence numbers that have something in common, joined where they touch."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator


class Runs:
    """Disjoint runs [start, end) in order. To find one takes a binary search, however many there are."""

    __slots__ = ("_ends", "_starts")

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []

    def __reversed__(self) -> Iterator[tuple[int, int]]:
        """From the highest down."""
        return zip(reversed(self._starts), reversed(self._ends), strict=True)

    def add(self, start: int, end: int) -> None:
        """Takes in [start, end), no part of which is here yet."""
        index = bisect_left(self._starts, start)
        follows = index > 0 and self._ends[index - 1] == start
        leads = index < len(self._starts) and self._starts[index] == end
        if follows and leads:
            self._ends[index - 1] = self._ends.pop(index)
            del self._starts[index]
        elif follows:
            self._ends[index - 1] = end
        elif leads:
            self._starts[index] = start
        else:
            self._starts.insert(index, start)
            self._ends.insert(index, end)

    def end_of(self, at: int) -> int:
        """The end of the run that `at` lies in; `at` itself where it lies in none."""
        index = bisect_right(self._starts, at) - 1
        return max(at, self._ends[index]) if index >= 0 else at

    def forget_before(self, at: int) -> None:
        """Takes away what lies before `at`."""
        gone = bisect_right(self._ends, at)
        del self._starts[:gone], self._ends[:gone]
        if self._starts:
            self._starts[0] = max(self._starts[0], at)

    def clear(self) -> None:
        """Takes away everything."""
        self._starts.clear()
        self._ends.clear()
