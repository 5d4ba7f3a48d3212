"""A heap of deadlines."""

from heapq import heapify, heappop, heappush
from typing import Generic, Protocol, TypeVar

_SLACK = 64


class Timed(Protocol):
    """What has a deadline, which may move. `id` is its number, `armed` its live entry."""

    id: int
    armed: tuple[int, int, int] | None

    def next_deadline(self) -> int | None: ...


T = TypeVar("T", bound=Timed)


class Deadlines(Generic[T]):
    """The deadlines of `things`, by id. One live entry for each (`armed`), pushed only when its deadline moves
    *earlier*; an entry that fires too early is put back. Entries that were overtaken are passed over, and cleared out
    when they are more than the live ones. An entry holds an id, not a reference, so that a closed connection is not
    kept alive by its keep-alive.
    """

    __slots__ = ("_heap", "_serial", "_things")

    def __init__(self, things: dict[int, T]) -> None:
        self._things = things
        self._heap: list[tuple[int, int, int]] = []
        self._serial = 0

    def __len__(self) -> int:
        return len(self._heap)

    def arm(self, thing: T) -> None:
        """Sees to it that its next deadline will fire."""
        deadline = thing.next_deadline()
        if deadline is None or (thing.armed is not None and thing.armed[0] <= deadline):
            return
        self._serial += 1
        thing.armed = (deadline, self._serial, thing.id)
        if len(self._heap) > 2 * len(self._things) + _SLACK:
            self._heap = [t.armed for t in self._things.values() if t.armed is not None]
            heapify(self._heap)
            if thing.id in self._things:
                return
        heappush(self._heap, thing.armed)

    def next(self) -> int | None:
        """The time at which `take_due` may have something; it may turn out to be too early."""
        heap = self._heap
        while heap:
            entry = heap[0]
            thing = self._things.get(entry[2])
            if thing is not None and thing.armed == entry:
                return entry[0]
            heappop(heap)
        return None

    def take_due(self, now: int) -> list[T]:
        """What has a deadline at or before `now`, in its order."""
        due: list[T] = []
        while (deadline := self.next()) is not None and deadline <= now:
            thing = self._things[heappop(self._heap)[2]]
            thing.armed = None
            actual = thing.next_deadline()
            if actual is not None and actual <= now:
                due.append(thing)
            else:
                self.arm(thing)
        return due
