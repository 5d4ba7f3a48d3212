"""Text that has arrived in order and waits for the application."""

from collections import deque

from pystack.wire.buffers import Buffer

GATHER = 16384
"""Small payloads are gathered in pieces of up to so many bytes."""

PIECE_OVERHEAD = 96
"""What a piece of bytes takes beside them: the object, its buffer's rounding, its place in a list."""

_VIEW_OVERHEAD = 352
"""The same for a view: two objects, and the one that it looks into."""

_WORTH_A_VIEW = 1024
"""A smaller payload takes less as a copy."""


def keepable(payload: Buffer) -> bool:
    """Whether a payload may be kept as it is: a view of immutable bytes of which it is most (the house's rule of who
    owns bytes). Anything else belongs to its reader and has to be copied.
    """
    if isinstance(payload, bytes):
        return True
    if not isinstance(payload, memoryview):
        return False
    base = payload.obj
    return type(base) is bytes and 4 * len(payload) >= 3 * len(base)


class ReceiveBuffer:
    """A queue of bytes. `size` is what can be read, `held` the memory that this keeps alive."""

    __slots__ = ("_offset", "_pieces", "held", "size")

    def __init__(self) -> None:
        self._pieces: deque[Buffer] = deque()
        self._offset = 0
        self.size = 0
        self.held = 0

    def append(self, payload: Buffer) -> None:
        """Takes the next bytes of the stream: by reference where that is sound and cheap, as a copy otherwise."""
        size = len(payload)
        self.size += size
        pieces = self._pieces
        if size >= _WORTH_A_VIEW and keepable(payload):
            pieces.append(payload)
            self.held += _charge(payload)
            return
        last = pieces[-1] if pieces else None
        if type(last) is bytearray and len(last) + size <= GATHER:
            last += payload
            self.held += size
        else:
            pieces.append(bytearray(payload))
            self.held += PIECE_OVERHEAD + size

    def read(self, limit: int) -> bytes:
        """Removes and returns up to `limit` bytes."""
        pieces = self._pieces
        if self.size <= limit and len(pieces) == 1 and not self._offset:
            whole = pieces.popleft()
            self.size = self.held = 0
            return bytes(whole)
        found: list[Buffer] = []
        wanted = min(limit, self.size)
        self.size -= wanted
        while wanted:
            piece = pieces[0]
            left = len(piece) - self._offset
            if left > wanted:
                if isinstance(piece, bytearray):
                    found.append(piece[:wanted])
                    del piece[:wanted]
                    self.held -= wanted
                else:
                    found.append(memoryview(piece)[self._offset : self._offset + wanted])
                    self._offset += wanted
                break
            found.append(memoryview(piece)[self._offset :] if self._offset else piece)
            self.held -= _charge(piece)
            self._offset = 0
            wanted -= left
            pieces.popleft()
        # A view of the last bytearray must not outlive this call: it could not grow any more.
        return b"".join(found)

    def peek(self, limit: int) -> bytes:
        """Up to `limit` bytes from the front, left where they are."""
        found: list[Buffer] = []
        offset = self._offset
        for piece in self._pieces:
            if limit <= 0:
                break
            view = memoryview(piece)[offset : offset + limit]
            found.append(view)
            limit -= len(view)
            offset = 0
        return b"".join(found)

    def clear(self) -> None:
        """Forgets everything."""
        self._pieces.clear()
        self._offset = self.size = self.held = 0


def _charge(piece: Buffer) -> int:
    """The memory that a piece keeps alive: for a view, all of what it looks into."""
    if isinstance(piece, memoryview):
        return _VIEW_OVERHEAD + len(piece.obj)  # type: ignore[arg-type]
    return PIECE_OVERHEAD + len(piece)
