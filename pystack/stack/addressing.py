"""Which addresses are ours, which can be a source, and which one we speak from."""

from types import ModuleType
from typing import Final

from pystack.wire import ipv4, ipv6

ANY4: Final = bytes(4)
ANY6: Final = bytes(16)


def family_of(address: bytes) -> ModuleType:
    """The codec module for an address."""
    return ipv4 if len(address) == 4 else ipv6


def wildcard_of(address: bytes) -> bytes:
    """The unspecified address of the same family."""
    return ANY4 if len(address) == 4 else ANY6


def default_mss(address: bytes) -> int:
    """What a peer that announces no MSS takes (RFC 9293 section 3.7.1, MUST-15)."""
    return 536 if len(address) == 4 else 1220


def is_multicast(address: bytes) -> bool:
    """224.0.0.0/4 and ff00::/8."""
    return address[0] >> 4 == 14 if len(address) == 4 else address[0] == 0xFF


class Addressing:
    """A host's own addresses and their networks."""

    __slots__ = ("_broadcasts", "_networks", "_own")

    def __init__(self, addresses: tuple[tuple[bytes, int], ...]) -> None:
        self._own = frozenset(address for address, _ in addresses)
        self._networks = addresses
        self._broadcasts = frozenset(_broadcast(a, n) for a, n in addresses if len(a) == 4 and n < 31)

    def is_own(self, address: bytes) -> bool:
        """Whether packets to this address are for us."""
        return address in self._own

    def is_unicast(self, address: bytes) -> bool:
        """Whether one host can have this address: neither unspecified, multicast nor a broadcast of ours (RFC 1122
        section 3.2.1.3; RFC 9293 MUST-46, MUST-57, MUST-63).
        """
        if not any(address) or is_multicast(address) or address in self._broadcasts:
            return False
        return len(address) != 4 or (address[0] not in (0, 255) and address[0] < 240)

    def source_for(self, destination: bytes) -> bytes | None:
        """The address to speak from: one whose network has the destination, else the first of its family (MUST-44)."""
        candidates = [(a, n) for a, n in self._networks if len(a) == len(destination)]
        for address, prefix in candidates:
            if _network(address, prefix) == _network(destination, prefix):
                return address
        return candidates[0][0] if candidates else None


def _network(address: bytes, prefix: int) -> int:
    return int.from_bytes(address, "big") >> (8 * len(address) - prefix)


def _broadcast(address: bytes, prefix: int) -> bytes:
    host_bits = 32 - prefix
    return (int.from_bytes(address, "big") | (1 << host_bits) - 1).to_bytes(4, "big")
