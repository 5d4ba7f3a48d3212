"""Virtual time: what happens next, and when."""

from collections.abc import Callable
from heapq import heappop, heappush


class Clock:
    """Integer nanoseconds from 0, and a heap of what is to happen. Nothing happens but in `step`; what is due at the
    same time happens in the order in which it was asked for.
    """

    __slots__ = ("_calls", "_heap", "_serial", "now")

    def __init__(self) -> None:
        self.now = 0
        self._heap: list[tuple[int, int]] = []
        self._calls: dict[int, Callable[[], None]] = {}
        """What is to happen, by its number; what is missing here has been withdrawn."""
        self._serial = 0

    def call_at(self, when: int, callback: Callable[[], None]) -> int:
        """Has `callback` called at `when`, or next where that has passed. Returns a number for `withdraw`."""
        self._serial += 1
        self._calls[self._serial] = callback
        heappush(self._heap, (max(when, self.now), self._serial))
        return self._serial

    def withdraw(self, number: int) -> None:
        """Has something not happen. What has happened stays."""
        self._calls.pop(number, None)

    def next(self) -> int | None:
        """When the next step happens; None: never."""
        heap = self._heap
        while heap and heap[0][1] not in self._calls:
            heappop(heap)
        return heap[0][0] if heap else None

    def step(self) -> None:
        """Moves on to what is next and does it. Raises `IndexError` where nothing is to happen."""
        self.next()
        self.now, number = heappop(self._heap)
        self._calls.pop(number)()

    def skip_to(self, when: int) -> None:
        """Moves on to `when`, before which nothing may be due."""
        self.now = max(self.now, when)
