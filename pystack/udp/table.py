"""All UDP endpoints that have a port, and who of them gets a datagram."""

from collections.abc import Iterator

from pystack.udp.endpoint import UdpEndpoint


class Table:
    """The endpoints of a host, by port and family: their addresses may change without it."""

    __slots__ = ("_by_port",)

    def __init__(self) -> None:
        self._by_port: dict[tuple[int, int], list[UdpEndpoint]] = {}

    def __iter__(self) -> Iterator[UdpEndpoint]:
        for endpoints in self._by_port.values():
            yield from endpoints

    def add(self, endpoint: UdpEndpoint) -> None:
        """`endpoint` has a port now."""
        self._by_port.setdefault((len(endpoint.local), endpoint.local_port), []).append(endpoint)

    def remove(self, endpoint: UdpEndpoint) -> None:
        """Forgets an endpoint, which still has its port."""
        key = len(endpoint.local), endpoint.local_port
        endpoints = self._by_port.get(key, [])
        if endpoint in endpoints:
            endpoints.remove(endpoint)
            if not endpoints:
                del self._by_port[key]

    def find(self, local: bytes, local_port: int, remote: bytes, remote_port: int) -> UdpEndpoint | None:
        """The endpoint for a datagram from `remote` to `local`: one that is connected to just that, else one that is
        bound to the address, else one that takes any; of equals the one that was bound last.
        """
        best, found = -1, None
        for endpoint in self._by_port.get((len(local), local_port), ()):
            fit = endpoint.fit(local, remote, remote_port)
            if fit >= 0 and fit >= best:
                best, found = fit, endpoint
        return found

    def is_free(self, address: bytes, port: int, reuse: bool = False) -> bool:
        """Whether an endpoint can be bound to this: no other has the port on the same or any address, unless both are
        ready to share it.
        """
        return all(
            (reuse and other.reuse) or (any(address) and any(other.local) and other.local != address)
            for other in self._by_port.get((len(address), port), ())
        )
