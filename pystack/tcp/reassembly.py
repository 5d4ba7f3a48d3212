"""Text that has arrived out of order, and the SACK blocks that report it (RFC 9293 SHLD-31; RFC 2018)."""

from bisect import bisect_left
from collections.abc import Iterator

from pystack.tcp.recvbuf import GATHER, PIECE_OVERHEAD
from pystack.wire.buffers import Buffer

MAX_BLOCKS = 4
_RANGE_OVERHEAD = 256
"""A `_Range`, its list, its two numbers and its place among the others."""


class _Range:
    """The bytes from `start` to `end` without a hole, in pieces of our own."""

    __slots__ = ("end", "pieces", "start")

    def __init__(self, start: int, data: Buffer) -> None:
        self.start = start
        self.end = start + len(data)
        self.pieces = [bytearray(data)]

    def lead(self, data: Buffer) -> int:
        """Adds bytes at the start; returns how many new pieces that made."""
        self.start -= len(data)
        if len(self.pieces[0]) + len(data) <= GATHER:
            self.pieces[0][:0] = data
            return 0
        self.pieces.insert(0, bytearray(data))
        return 1

    def extend(self, data: Buffer) -> int:
        """Adds bytes at the end; returns how many new pieces that made."""
        self.end += len(data)
        if len(self.pieces[-1]) + len(data) <= GATHER:
            self.pieces[-1] += data
            return 0
        self.pieces.append(bytearray(data))
        return 1


class Reassembly:
    """The runs beyond RCV.NXT, in order, none touching another. The bytes are always copied.

    `held` is the memory that they take.
    """

    __slots__ = ("_ranges", "_recent", "held")

    def __init__(self) -> None:
        self._ranges: list[_Range] = []
        self._recent: list[_Range] = []
        self.held = 0

    def __bool__(self) -> bool:
        return bool(self._ranges)

    def insert(self, start: int, payload: Buffer) -> bool:
        """Keeps those of the bytes that were not there yet; returns False when all of them were.

        Where new bytes overlap old ones the old ones stay: they may have been selectively acknowledged already.
        """
        end = start + len(payload)
        ranges = self._ranges
        # Ranges that overlap or touch the new bytes: from the first that reaches `start` on.
        first = last = bisect_left(ranges, start, key=_end)
        while last < len(ranges) and ranges[last].start <= end:
            last += 1
        if first == last:
            found = _Range(start, payload)
            ranges.insert(first, found)
            self.held += len(payload) + PIECE_OVERHEAD + _RANGE_OVERHEAD
            self._touch(found)
            return True
        found = ranges[first]
        self._touch(found)
        if found.start <= start and end <= found.end:
            return False
        view = memoryview(payload)
        if start < found.start:
            lead = view[: found.start - start]
            self.held += len(lead) + PIECE_OVERHEAD * found.lead(lead)
        for absorbed in ranges[first + 1 : last]:
            self._extend(found, view[found.end - start : absorbed.start - start])
            found.pieces.extend(absorbed.pieces)
            found.end = absorbed.end
            self._forget(absorbed)
        if found.end < end:
            self._extend(found, view[found.end - start :])
        del ranges[first + 1 : last]
        return True

    def overlap(self, start: int, end: int) -> tuple[int, int] | None:
        """The first part of [start, end) that is here already, which a D-SACK reports (RFC 2883 section 4)."""
        index = bisect_left(self._ranges, start + 1, key=_end)
        if index == len(self._ranges) or self._ranges[index].start >= end:
            return None
        return max(start, self._ranges[index].start), min(end, self._ranges[index].end)

    def take(self, nxt: int) -> Iterator[Buffer]:
        """Removes and yields the bytes that follow on `nxt`, once a hole has been filled up to there."""
        ranges = self._ranges
        while ranges and ranges[0].start <= nxt:
            found = ranges.pop(0)
            self._forget(found)
            self.held -= found.end - found.start + PIECE_OVERHEAD * len(found.pieces)
            skip = nxt - found.start
            for piece in found.pieces:
                if skip < len(piece):
                    yield memoryview(piece)[skip:] if skip > 0 else piece
                skip = max(0, skip - len(piece))
            nxt = max(nxt, found.end)

    def blocks(self) -> tuple[tuple[int, int], ...]:
        """The SACK blocks: the run that the latest segment went into first, then those reported before it (RFC 2018
        section 4), at most four.
        """
        return tuple((r.start, r.end) for r in self._recent)

    def clear(self) -> None:
        """Forgets everything."""
        self._ranges.clear()
        self._recent.clear()
        self.held = 0

    def _extend(self, found: _Range, data: Buffer) -> None:
        self.held += len(data) + PIECE_OVERHEAD * found.extend(data)

    def _touch(self, newest: _Range) -> None:
        recent = self._recent
        if newest in recent:
            recent.remove(newest)
        recent.insert(0, newest)
        del recent[MAX_BLOCKS:]

    def _forget(self, gone: _Range) -> None:
        self.held -= _RANGE_OVERHEAD
        if gone in self._recent:
            self._recent.remove(gone)


def _end(found: _Range) -> int:
    return found.end
