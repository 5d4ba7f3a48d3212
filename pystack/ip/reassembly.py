"""Fragments become datagrams again (RFC 791 section 3.2; RFC 8200 section 4.5), by the holes that are left (RFC 815).

A fragment fits into a hole, or it repeats one that is there, or it overlaps: then somebody lies, and the whole
datagram is given up (RFC 5722, for IPv4 too), with whatever of it is still to come. So nothing is ever trimmed or
overwritten, and what a datagram says does not hang on the order in which its fragments arrive.
"""

from bisect import bisect_right
from collections.abc import Callable
from typing import Final, Generic, TypeAlias, TypeVar

from pystack.ip.names import Count, Names
from pystack.wire.buffers import Buffer

T = TypeVar("T")

Key: TypeAlias = bytes
"""What the fragments of one datagram have in common."""

_OPEN_END: Final = 1 << 17
"""Where the last hole ends while nobody knows where the datagram does: beyond every offset."""

_PIECE_BYTES: Final = 256
"""What a fragment costs beyond its bytes: objects, a place in a table, a hole."""

_DATAGRAM_BYTES: Final = 2048
"""What a datagram costs before its first fragment, with the start of a packet that an ICMP error would quote."""

_NOT_ECT, _CE = 0, 3


class _Partial(Generic[T]):
    """A datagram with holes: hole i goes from `starts[i]` up to `ends[i]`."""

    __slots__ = ("charge", "deadline", "ecn_seen", "ends", "first", "given_up", "last", "pieces", "starts")

    def __init__(self, deadline: int) -> None:
        self.deadline = deadline
        self.charge = _DATAGRAM_BYTES
        self.starts = [0]
        self.ends = [_OPEN_END]
        self.pieces: dict[int, bytes] = {}
        self.first: T | None = None
        self.last: int | None = None
        """Offset of the piece that ends the datagram."""
        self.ecn_seen = 0
        """Bit n: a fragment with ECN codepoint n came."""
        self.given_up = False

    def fill(self, offset: int, end: int, more: bool) -> bool:
        """Takes a piece out of the hole that it fits into; false where there is none."""
        at = bisect_right(self.starts, offset) - 1
        if at < 0 or end > self.ends[at] or (not more and self.ends[at] != _OPEN_END):
            return False
        start, stop = self.starts[at], self.ends[at]
        left = [(start, offset)] if start < offset else []
        right = [(end, stop)] if more and end < stop else []
        self.starts[at : at + 1] = [hole[0] for hole in left + right]
        self.ends[at : at + 1] = [hole[1] for hole in left + right]
        return True

    def repeats(self, offset: int, more: bool, payload: Buffer) -> bool:
        """Whether this piece is there already, byte for byte."""
        return self.pieces.get(offset) == payload and more == (self.last != offset)


class Whole(Generic[T]):
    """A datagram without holes: what came with its first fragment, all bytes, and its ECN codepoint."""

    __slots__ = ("ecn", "first", "payload")

    def __init__(self, first: T, payload: bytes, ecn: int) -> None:
        self.first = first
        self.payload = payload
        self.ecn = ecn


class Reassembly(Generic[T]):
    """The incomplete datagrams of one family.

    Together they hold at most about `budget` bytes of memory: above that the oldest goes (Linux:
    net.ipv4.ipfrag_high_thresh). Each waits for `timeout` nanoseconds from its first arrival, however many fragments
    come (RFC 1122 section 3.3.2; Linux: net.ipv4.ipfrag_time). While `memory_is_short`, which is the whole host's, none
    is begun; those that are there may become whole and give theirs back. T is what the caller wants back with a first
    fragment.
    """

    __slots__ = ("_budget", "_count", "_memory_is_short", "_names", "_partials", "_timeout", "held")

    def __init__(
        self, names: Names, count: Count, budget: int, timeout: int, memory_is_short: Callable[[], bool]
    ) -> None:
        self._names = names
        self._count = count
        self._budget = budget
        self._timeout = timeout
        self._memory_is_short = memory_is_short
        self._partials: dict[Key, _Partial[T]] = {}
        """Oldest first: all wait equally long, so that this is the order of the deadlines too."""
        self.held = 0
        """Bytes of memory, by estimate."""

    def add(
        self, key: Key, offset: int, more: bool, payload: Buffer, first: T | None, ecn: int, now: int
    ) -> Whole[T] | None:
        """A fragment has arrived: not empty, a multiple of 8 bytes if `more` follow, and `first` given where `offset`
        is 0. Returns the datagram that it completes.
        """
        self._count(self._names.reasm_reqds)
        partial = self._partials.get(key)
        if partial is None:
            if self._memory_is_short():
                self._count(self._names.reasm_refused)
                self._count(self._names.reasm_fails)
                return None
            partial = self._partials[key] = _Partial(now + self._timeout)
            self.held += partial.charge
        if partial.given_up:
            self._count(self._names.reasm_fails)
        elif partial.repeats(offset, more, payload):
            pass
        elif not partial.fill(offset, offset + len(payload), more):
            self._count(self._names.reasm_overlaps)
            self._give_up(partial)
        else:
            self._keep(partial, offset, more, payload, first, ecn)
            if not partial.starts:
                return self._complete(key, partial)
        self._evict()
        return None

    def next_deadline(self) -> int | None:
        """When `take_expired` will have something; None: nothing is incomplete."""
        for partial in self._partials.values():
            return partial.deadline
        return None

    def take_expired(self, now: int) -> list[T]:
        """Gives up what has waited too long. Returns what came with the first fragments: their senders are to be told
        (RFC 792; RFC 4443 section 3.3). Where none came, or fragments contradicted each other, nobody is.
        """
        told: list[T] = []
        while (deadline := self.next_deadline()) is not None and deadline <= now:
            partial = self._remove_oldest()
            if not partial.given_up:
                self._count(self._names.reasm_timeout)
                self._count(self._names.reasm_fails)
                if partial.first is not None:
                    told.append(partial.first)
        return told

    def _keep(self, partial: _Partial[T], offset: int, more: bool, payload: Buffer, first: T | None, ecn: int) -> None:
        partial.pieces[offset] = bytes(payload)
        charge = len(payload) + _PIECE_BYTES
        partial.charge += charge
        self.held += charge
        partial.ecn_seen |= 1 << ecn
        if offset == 0:
            partial.first = first
        if not more:
            partial.last = offset

    def _complete(self, key: Key, partial: _Partial[T]) -> Whole[T] | None:
        del self._partials[key]
        self.held -= partial.charge
        assert partial.first is not None, "no hole is left, not even at 0"
        seen = partial.ecn_seen
        if seen & 1 << _NOT_ECT and seen != 1 << _NOT_ECT:
            # Some routers could have marked it and others not: a mark may be lost (RFC 3168 section 5.3).
            self._count(self._names.reasm_fails)
            return None
        self._count(self._names.reasm_oks)
        ecn = _CE if seen & 1 << _CE else (seen & -seen).bit_length() - 1
        return Whole(partial.first, b"".join([partial.pieces[at] for at in sorted(partial.pieces)]), ecn)

    def _give_up(self, partial: _Partial[T]) -> None:
        """Lets go of the memory, and stays to swallow what is still to come."""
        self._count(self._names.reasm_fails)
        self.held -= partial.charge - _DATAGRAM_BYTES
        partial.charge = _DATAGRAM_BYTES
        partial.given_up = True
        partial.pieces.clear()
        partial.first = None
        partial.starts, partial.ends = [], []

    def _evict(self) -> None:
        while self.held > self._budget:
            partial = self._remove_oldest()
            self._count(self._names.reasm_evicted)
            if not partial.given_up:
                self._count(self._names.reasm_fails)

    def _remove_oldest(self) -> _Partial[T]:
        partial = self._partials.pop(next(iter(self._partials)))
        self.held -= partial.charge
        return partial
