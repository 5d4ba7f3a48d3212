"""The host's heap of deadlines."""

from heapq import heapify, heappop, heappush

from pystack.stack.endpoint import Endpoint

_SLACK = 64


class Deadlines:
    """One live entry per connection (`Endpoint.armed`), pushed only when its deadline moves *earlier*; an entry that
    fires too early is put back. Entries that were overtaken are passed over, and cleared out when they are more than
    the live ones. An entry holds an id, not a reference, so that a closed connection is not kept alive by its
    keep-alive.
    """

    __slots__ = ("_endpoints", "_heap", "_serial")

    def __init__(self, endpoints: dict[int, Endpoint]) -> None:
        self._endpoints = endpoints
        self._heap: list[tuple[int, int, int]] = []
        self._serial = 0

    def __len__(self) -> int:
        return len(self._heap)

    def arm(self, endpoint: Endpoint) -> None:
        """Sees to it that the connection's next deadline will fire."""
        deadline = endpoint.connection.next_deadline()
        if deadline is None or (endpoint.armed is not None and endpoint.armed[0] <= deadline):
            return
        self._serial += 1
        endpoint.armed = (deadline, self._serial, endpoint.id)
        if len(self._heap) > 2 * len(self._endpoints) + _SLACK:
            self._heap = [e.armed for e in self._endpoints.values() if e.armed is not None]
            heapify(self._heap)
            if endpoint.id in self._endpoints:
                return
        heappush(self._heap, endpoint.armed)

    def next(self) -> int | None:
        """The time at which `take_due` may have something; it may turn out to be too early."""
        heap = self._heap
        while heap:
            entry = heap[0]
            endpoint = self._endpoints.get(entry[2])
            if endpoint is not None and endpoint.armed == entry:
                return entry[0]
            heappop(heap)
        return None

    def take_due(self, now: int) -> list[Endpoint]:
        """The connections with a deadline at or before `now`, in its order."""
        due: list[Endpoint] = []
        while (deadline := self.next()) is not None and deadline <= now:
            endpoint = self._endpoints[heappop(self._heap)[2]]
            endpoint.armed = None
            actual = endpoint.connection.next_deadline()
            if actual is not None and actual <= now:
                due.append(endpoint)
            else:
                self.arm(endpoint)
        return due
