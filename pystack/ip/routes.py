"""Which addresses are ours, which can be a source, where packets go, and which address we speak from."""

from typing import NamedTuple

from pystack.ip import source
from pystack.ip.address import LOOPBACK4, LOOPBACK6, common_prefix, is_loopback, is_multicast, wildcard_of
from pystack.ip.source import Candidate

_ALL_HOSTS4 = bytes((224, 0, 0, 1))
_BROADCAST4 = b"\xff" * 4
_ALL_NODES6 = (b"\xff\x01" + bytes(13) + b"\x01", b"\xff\x02" + bytes(13) + b"\x01")
_SOLICITED_NODE6 = b"\xff\x02" + bytes(9) + b"\x01\xff"


class Route(NamedTuple):
    """Packets to a network, given by its address and prefix length, go to `gateway`, or (None) are there at once."""

    network: bytes
    prefix: int
    gateway: bytes | None = None


class Routes:
    """The addresses of a host with one device, each with the prefix length of its network, and its routes.

    Without `routes` all other networks are behind the device too; with them, only what they and the networks of the
    addresses cover can be reached. `deprecated` addresses are spoken from where there is no other. Raises `ValueError`
    for a prefix or gateway that cannot be.
    """

    __slots__ = ("_broadcasts", "_candidates", "_configured", "_deprecated", "_groups", "_own", "_routes", "addresses")

    addresses: tuple[tuple[bytes, int], ...]
    """The device's addresses, each with the prefix length of its network."""

    def __init__(
        self,
        addresses: tuple[tuple[bytes, int], ...],
        routes: tuple[tuple[bytes, int, bytes | None], ...] = (),
        deprecated: frozenset[bytes] = frozenset(),
    ) -> None:
        self._configured = routes
        self._deprecated = deprecated
        self.set_addresses(addresses)

    def set_addresses(self, addresses: tuple[tuple[bytes, int], ...]) -> None:
        """Other addresses than before. Raises `ValueError` as the class does, and changes nothing then."""
        routes, deprecated = self._configured, self._deprecated
        _check(addresses, routes)
        self.addresses = addresses
        self._candidates = [Candidate(address, prefix, address in deprecated) for address, prefix in addresses]
        self._own = frozenset(address for address, _ in addresses)
        self._broadcasts = frozenset(_broadcast(a, n) for a, n in addresses if len(a) == 4 and n < 31)
        groups = {_ALL_HOSTS4, _BROADCAST4, *self._broadcasts, *_ALL_NODES6}
        self._groups = frozenset(groups | {_SOLICITED_NODE6 + a[13:] for a in self._own if len(a) == 16})
        connected = [Route(address, prefix) for address, prefix in addresses]
        others = [Route(*r) for r in routes] if routes else [Route(wildcard_of(a), 0) for a, _ in addresses]
        # The sort is stable: of equally long prefixes the directly connected one holds, then the first.
        self._routes = sorted((*connected, *others), key=lambda r: -r.prefix)

    def is_own(self, address: bytes) -> bool:
        """Whether this is one of our addresses: the device's, or loopback, which each host has."""
        return address in self._own or is_loopback(address)

    def is_of_device(self, address: bytes) -> bool:
        """Whether others can reach us by this address."""
        return address in self._own

    def can_speak(self, source: bytes, destination: bytes) -> bool:
        """Whether packets may be from `source`, one of our addresses: loopback must not be seen outside (RFC 1122
        section 3.2.1.3 (g); RFC 4291 section 2.5.3).
        """
        return not is_loopback(source) or self.is_own(destination)

    def is_group(self, address: bytes) -> bool:
        """Whether packets to this address are for us and others: a broadcast, or one of the multicast groups that each
        host is in (RFC 1122 section 3.2.1.3; RFC 1112; RFC 4291 section 2.8).
        """
        return address in self._groups

    def is_unicast(self, address: bytes) -> bool:
        """Whether one host can have this address: neither unspecified, multicast nor a broadcast of ours (RFC 1122
        section 3.2.1.3; RFC 9293 MUST-46).
        """
        if not any(address) or is_multicast(address) or address in self._broadcasts:
            return False
        return len(address) != 4 or (address[0] not in (0, 255) and address[0] < 240)

    def is_source(self, address: bytes) -> bool:
        """Whether a packet from the network can be from here (RFC 1122 section 3.2.1.3; RFC 9293 MUST-63). One that
        claims to be from ourselves cannot: we would be made to answer ourselves.
        """
        return address not in self._own and self.is_unicast(address) and not is_loopback(address)

    def route_for(self, destination: bytes) -> Route | None:
        """The route with the longest prefix; None: this host cannot reach the destination."""
        for route in self._routes:
            if len(route.network) == len(destination) and _has(route, destination):
                return route
        return None

    def source_for(self, destination: bytes) -> bytes | None:
        """The address to speak from (RFC 9293 MUST-44, RFC 6724); None where there is no route."""
        if is_loopback(destination):
            return LOOPBACK4 if len(destination) == 4 else LOOPBACK6
        route = self.route_for(destination)
        candidates = [c for c in self._candidates if len(c.address) == len(destination)]
        if route is None or not candidates:
            return None
        return source.choose(destination, candidates, route.gateway or destination)


def _check(addresses: tuple[tuple[bytes, int], ...], routes: tuple[tuple[bytes, int, bytes | None], ...]) -> None:
    for network, prefix in (*addresses, *((r[0], r[1]) for r in routes)):
        if len(network) not in (4, 16) or not 0 <= prefix <= 8 * len(network):
            raise ValueError(f"a network has 4 or 16 bytes and a prefix of that many bits: {network!r}/{prefix}")
    connected = [Route(address, prefix) for address, prefix in addresses]
    for network, _, gateway in routes:
        if gateway is not None and not any(_has(r, gateway) for r in connected if len(network) == len(gateway)):
            raise ValueError("a gateway is a neighbour: it lies in the network of one of the host's addresses")


def _has(route: Route, address: bytes) -> bool:
    return common_prefix(route.network, address) >= route.prefix


def _broadcast(address: bytes, prefix: int) -> bytes:
    return (int.from_bytes(address, "big") | (1 << 32 - prefix) - 1).to_bytes(4, "big")
