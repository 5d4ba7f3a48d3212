"""Virtual time: what happens next, and when."""

from collections.abc import Callable
from heapq import heappop, heappush


class Clock:
    """Integer nanoseconds from 0, and a heap of what is to happen. Nothing happens but in `step`; what is due at the
    same time happens in the order in which it was asked for.
    """

    __slots__ = ("_heap", "_serial", "now")

    def __init__(self) -> None:
        self.now = 0
        self._heap: list[tuple[int, int, Callable[[], None]]] = []
        self._serial = 0

    def call_at(self, when: int, callback: Callable[[], None]) -> None:
        """Has `callback` called at `when`, or next where that has passed."""
        self._serial += 1
        heappush(self._heap, (max(when, self.now), self._serial, callback))

    def next(self) -> int | None:
        """When the next step happens; None: never."""
        return self._heap[0][0] if self._heap else None

    def step(self) -> None:
        """Moves on to what is next and does it. Raises `IndexError` where nothing is to happen."""
        self.now, _, callback = heappop(self._heap)
        callback()

    def skip_to(self, when: int) -> None:
        """Moves on to `when`, before which nothing may be due."""
        self.now = max(self.now, when)
