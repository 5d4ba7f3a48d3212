"""All UDP endpoints that have a port, and who of them gets a datagram."""

from collections.abc import Iterator
from typing import Any

from pystack.ip.address import wildcard_of
from pystack.udp.endpoint import UdpEndpoint

_Name = tuple[bytes, int, bytes | None, int]


class Table:
    """The endpoints of a host, by their two names, which only `rename` may change while they are here."""

    __slots__ = ("_by_name", "_by_port")

    def __init__(self) -> None:
        self._by_port: dict[tuple[int, int], dict[UdpEndpoint, None]] = {}
        self._by_name: dict[_Name, dict[UdpEndpoint, None]] = {}

    def __iter__(self) -> Iterator[UdpEndpoint]:
        for endpoints in self._by_port.values():
            yield from endpoints

    def add(self, endpoint: UdpEndpoint) -> None:
        """`endpoint` has a port now."""
        self._by_port.setdefault((len(endpoint.local), endpoint.local_port), {})[endpoint] = None
        self._by_name.setdefault(_name_of(endpoint), {})[endpoint] = None

    def remove(self, endpoint: UdpEndpoint) -> None:
        """Forgets an endpoint, which still has its port; it need not be known."""
        _drop(self._by_port, (len(endpoint.local), endpoint.local_port), endpoint)
        _drop(self._by_name, _name_of(endpoint), endpoint)

    def rename(
        self, endpoint: UdpEndpoint, local: bytes, local_port: int, remote: bytes | None = None, remote_port: int = 0
    ) -> None:
        """Gives an endpoint other names; with port 0 it is forgotten, or stays unknown."""
        self.remove(endpoint)
        endpoint.local, endpoint.local_port = local, local_port
        endpoint.remote, endpoint.remote_port = remote, remote_port
        if local_port:
            self.add(endpoint)

    def find(self, local: bytes, local_port: int, remote: bytes, remote_port: int) -> UdpEndpoint | None:
        """The endpoint for a datagram from `remote` to `local`: one that is connected to just that, else one that is
        bound to the address, else one that takes any; of equals the one that was named last.
        """
        by_name = self._by_name
        found = (
            by_name.get((local, local_port, remote, remote_port))
            or by_name.get((local, local_port, None, 0))
            or by_name.get((wildcard_of(local), local_port, None, 0))
        )
        return next(reversed(found)) if found else None

    def is_free(self, address: bytes, port: int, reuse: bool = False) -> bool:
        """Whether an endpoint can be bound to this: no other has the port on the same or any address, unless both are
        ready to share it. Looks at all that have the port, as only who binds and shares makes them many.
        """
        return all(
            (reuse and other.reuse) or (any(address) and any(other.local) and other.local != address)
            for other in self._by_port.get((len(address), port), ())
        )


def _name_of(endpoint: UdpEndpoint) -> _Name:
    return endpoint.local, endpoint.local_port, endpoint.remote, endpoint.remote_port


def _drop(index: dict[Any, dict[UdpEndpoint, None]], key: object, endpoint: UdpEndpoint) -> None:
    endpoints = index.get(key, {})
    endpoints.pop(endpoint, None)
    if not endpoints:
        index.pop(key, None)
