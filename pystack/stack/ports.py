"""Which local ports are taken, and which one a socket gets that asks for none (RFC 6056)."""

from collections.abc import Callable, Container

from pystack.ip.address import wildcard_of
from pystack.stack.errors import AddressInUse, AddressNotAvailable

Taken = Container[tuple[bytes, int]]


class _Binding:
    """How many sockets have a name, and whether all of them let others have it too (SO_REUSEADDR)."""

    __slots__ = ("count", "reuse")

    def __init__(self, reuse: bool) -> None:
        self.count = 1
        self.reuse = reuse


class Ports:
    """The (address, port) pairs that sockets are bound to; the address may be the wildcard of its family."""

    __slots__ = ("_bound", "_entropy", "_first", "_last")

    def __init__(self, first: int, last: int, entropy: Callable[[int], bytes]) -> None:
        self._first = first
        self._last = last
        self._entropy = entropy
        self._bound: dict[tuple[bytes, int], _Binding] = {}

    def bind(self, address: bytes, port: int, *, reuse: bool = False, taken: Taken = frozenset()) -> int:
        """Takes `port`, or a free one for 0. Raises `AddressInUse`, or `AddressNotAvailable` when none is free.

        With `reuse` the name may be one that other sockets have who also reuse, but none of those in `taken`: the names
        that somebody listens on.
        """
        if port == 0:
            port = self.ephemeral(lambda p: not self._holders(address, p))
        holders = self._holders(address, port)
        if holders and not (reuse and all(self._bound[h].reuse and h not in taken for h in holders)):
            raise AddressInUse(f"port {port} is taken")
        binding = self._bound.get((address, port))
        if binding is None:
            self._bound[address, port] = _Binding(reuse)
        else:
            binding.count += 1
        return port

    def release(self, address: bytes, port: int) -> None:
        """Gives a port back."""
        binding = self._bound.get((address, port))
        if binding is None:
            return
        binding.count -= 1
        if not binding.count:
            del self._bound[address, port]

    def ephemeral(self, is_free: Callable[[int], bool]) -> int:
        """A free port of the range: from a random one on, upwards (RFC 6056 algorithm 1)."""
        size = self._last - self._first + 1
        start = int.from_bytes(self._entropy(4), "big") % size
        for step in range(size):
            port = self._first + (start + step) % size
            if is_free(port):
                return port
        raise AddressNotAvailable("no free port is left")

    def _holders(self, address: bytes, port: int) -> list[tuple[bytes, int]]:
        """The names that are bound and overlap this one."""
        wildcard = wildcard_of(address)
        if address != wildcard:
            return [name for name in ((address, port), (wildcard, port)) if name in self._bound]
        return [(a, p) for a, p in self._bound if p == port and len(a) == len(address)]
