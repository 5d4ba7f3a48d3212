"""The text that the application has sent and the peer has not yet acknowledged."""

from bisect import bisect_right

from pystack.wire.buffers import Buffer

_COALESCE = 4096
"""Writes are gathered into one piece up to this size, so that byte-wise writers do not make a piece per byte."""


class SendBuffer:
    """Holds immutable `bytes`, addressed by sequence number.

    `start` is the number of the first byte held, `end` the one after the last: `end - start` bytes are queued.
    """

    __slots__ = ("_head", "_offsets", "_pieces", "end", "start")

    def __init__(self, start: int) -> None:
        self.start = start
        self.end = start
        self._pieces: list[bytes] = []
        self._offsets: list[int] = []
        self._head = 0

    def __len__(self) -> int:
        return self.end - self.start

    def append(self, data: bytes) -> None:
        """Queues `data`; only a reference is taken where it is not small."""
        if not data:
            return
        if len(self._pieces) > self._head and len(self._pieces[-1]) + len(data) <= _COALESCE:
            self._pieces[-1] += data
        else:
            self._pieces.append(data)
            self._offsets.append(self.end)
        self.end += len(data)

    def pieces(self, start: int, end: int) -> tuple[Buffer, ...]:
        """The bytes from `start` to `end` as references into the buffer, in order."""
        if start >= end:
            return ()
        index = bisect_right(self._offsets, start, self._head) - 1
        found: list[Buffer] = []
        while start < end:
            piece, offset = self._pieces[index], self._offsets[index]
            stop = min(end, offset + len(piece))
            whole = start == offset and stop == offset + len(piece)
            found.append(piece if whole else memoryview(piece)[start - offset : stop - offset])
            start = stop
            index += 1
        return tuple(found)

    def release(self, una: int) -> None:
        """Forgets what lies before `una`, which the peer has acknowledged."""
        self.start = max(self.start, min(una, self.end))
        pieces, offsets, head = self._pieces, self._offsets, self._head
        while head < len(pieces) and offsets[head] + len(pieces[head]) <= self.start:
            pieces[head] = b""
            head += 1
        if head == len(pieces) or (head > 64 and head * 2 > len(pieces)):
            del pieces[:head], offsets[:head]
            head = 0
        self._head = head

    def clear(self) -> None:
        """Forgets everything."""
        self.release(self.end)
