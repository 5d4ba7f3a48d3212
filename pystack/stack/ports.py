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
        self._bound: dict[tuple[int, int], dict[bytes, _Binding]] = {}
        """By the family's length of addresses and the port, then by address."""

    def bind(self, address: bytes, port: int, *, reuse: bool = False, taken: Taken = frozenset()) -> int:
        """Takes `port`, or a free one for 0. Raises `AddressInUse`, also when none is free, as in Linux.

        With `reuse` the name may be one that other sockets have who also reuse, but none of those in `taken`: the names
        that somebody listens on.
        """
        if port == 0:
            try:
                port = self.ephemeral(lambda p: not self._holders(address, p))
            except AddressNotAvailable as error:
                raise AddressInUse(str(error)) from None
        holders = self._holders(address, port)
        if holders and not (reuse and all(b.reuse and (a, port) not in taken for a, b in holders.items())):
            raise AddressInUse(f"port {port} is taken")
        bound = self._bound.setdefault((len(address), port), {})
        if address in bound:
            bound[address].count += 1
        else:
            bound[address] = _Binding(reuse)
        return port

    def release(self, address: bytes, port: int) -> None:
        """Gives a port back."""
        bound = self._bound.get((len(address), port), {})
        if address not in bound:
            return
        bound[address].count -= 1
        if not bound[address].count:
            del bound[address]
            if not bound:
                del self._bound[len(address), port]

    def is_bound(self, size: int, port: int) -> bool:
        """Whether any socket of the family whose addresses have `size` bytes is bound to `port`."""
        return (size, port) in self._bound

    def ephemeral(self, is_free: Callable[[int], bool]) -> int:
        """A free port of the range: from a random one on, upwards (RFC 6056 algorithm 1). Raises
        `AddressNotAvailable`.
        """
        size = self._last - self._first + 1
        start = int.from_bytes(self._entropy(4), "big") % size
        for step in range(size):
            port = self._first + (start + step) % size
            if is_free(port):
                return port
        raise AddressNotAvailable("no free port is left")

    def _holders(self, address: bytes, port: int) -> dict[bytes, _Binding]:
        """The addresses that are bound with this port and overlap this one; no more than the host has."""
        bound = self._bound.get((len(address), port), {})
        if not any(address):
            return bound
        return {a: bound[a] for a in (address, wildcard_of(address)) if a in bound}
