"""The host's heap of deadlines."""

from heapq import heappop, heappush

from pystack.stack.endpoint import Endpoint


class Deadlines:
    """One live entry per connection, pushed only when its deadline moves *earlier*; an entry that fires too early is
    put back. An entry holds an id, not a reference, so that a closed connection is not kept alive by its keep-alive.
    """

    __slots__ = ("_endpoints", "_heap", "_serial")

    def __init__(self, endpoints: dict[int, Endpoint]) -> None:
        self._endpoints = endpoints
        self._heap: list[tuple[int, int, int]] = []
        self._serial = 0

    def arm(self, endpoint: Endpoint) -> None:
        """Sees to it that the connection's next deadline will fire."""
        deadline = endpoint.connection.next_deadline()
        if deadline is None or (endpoint.armed is not None and endpoint.armed <= deadline):
            return
        endpoint.armed = deadline
        self._serial += 1
        heappush(self._heap, (deadline, self._serial, endpoint.id))

    def next(self) -> int | None:
        """The time at which `take_due` may have something; it may turn out to be too early."""
        heap = self._heap
        while heap:
            deadline, _, id_ = heap[0]
            endpoint = self._endpoints.get(id_)
            if endpoint is not None and endpoint.armed == deadline:
                return deadline
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
