"""Which local ports are taken, and which one a socket gets that asks for none (RFC 6056)."""

from collections.abc import Callable

from pystack.ip.address import wildcard_of
from pystack.stack.errors import AddressInUse, AddressNotAvailable


class Ports:
    """The (address, port) pairs that sockets are bound to; the address may be the wildcard of its family."""

    __slots__ = ("_bound", "_entropy", "_first", "_last")

    def __init__(self, first: int, last: int, entropy: Callable[[int], bytes]) -> None:
        self._first = first
        self._last = last
        self._entropy = entropy
        self._bound: dict[tuple[bytes, int], int] = {}

    def bind(self, address: bytes, port: int) -> int:
        """Takes `port`, or a free one for 0. Raises `AddressInUse`, or `AddressNotAvailable` when none is free."""
        if port == 0:
            port = self.ephemeral(lambda p: not self._clashes(address, p))
        elif self._clashes(address, port):
            raise AddressInUse(f"port {port} is taken")
        self._bound[address, port] = 1
        return port

    def release(self, address: bytes, port: int) -> None:
        """Gives a port back."""
        self._bound.pop((address, port), None)

    def ephemeral(self, is_free: Callable[[int], bool]) -> int:
        """A free port of the range: from a random one on, upwards (RFC 6056 algorithm 1)."""
        size = self._last - self._first + 1
        start = int.from_bytes(self._entropy(4), "big") % size
        for step in range(size):
            port = self._first + (start + step) % size
            if is_free(port):
                return port
        raise AddressNotAvailable("no free port is left")

    def _clashes(self, address: bytes, port: int) -> bool:
        bound = self._bound
        wildcard = wildcard_of(address)
        if (address, port) in bound or (wildcard, port) in bound:
            return True
        return address == wildcard and any(p == port and len(a) == len(address) for a, p in bound)
