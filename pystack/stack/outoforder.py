"""Whose text out of order goes first when the host is short of memory."""

from pystack.stack.endpoint import Endpoint


class OutOfOrder:
    """The connections that hold text out of order, by powers of two of what it takes: however many there are, one that
    holds the most, to within a factor of two, is at hand. `note` is told whenever a connection's sum is counted.
    """

    __slots__ = ("_classes",)

    def __init__(self) -> None:
        self._classes: dict[int, dict[int, Endpoint]] = {}

    def note(self, endpoint: Endpoint) -> None:
        """A connection may hold more now, or less, or nothing."""
        size = endpoint.connection.reassembly.held.bit_length()
        if size != endpoint.out_of_order:
            self.forget(endpoint)
            if size:
                self._classes.setdefault(size, {})[endpoint.id] = endpoint
                endpoint.out_of_order = size

    def forget(self, endpoint: Endpoint) -> None:
        """A connection holds nothing any more."""
        size, endpoint.out_of_order = endpoint.out_of_order, 0
        if size:
            del self._classes[size][endpoint.id]
            if not self._classes[size]:
                del self._classes[size]

    def take(self) -> Endpoint | None:
        """Forgets one of those that hold the most, and returns it; None where nobody holds anything."""
        if not self._classes:
            return None
        most = max(self._classes)
        _, endpoint = self._classes[most].popitem()
        if not self._classes[most]:
            del self._classes[most]
        endpoint.out_of_order = 0
        return endpoint
