"""What an application reads: the text in order, which stops at the mark of urgent data, and the byte at the mark by
itself.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pystack.tcp.connection import Connection


def read_next(c: "Connection") -> int:
    """The number of the next byte that a read would give."""
    return c.tcb.rcv.nxt - c.eof - c.recvbuf.size


def holds_urgent(c: "Connection") -> bool:
    """Whether the out-of-band byte has arrived, is to be taken out of the text, and has not been yet."""
    mark = c.urgent
    return mark.at is not None and not mark.inline and read_next(c) <= mark.at < c.tcb.rcv.nxt - c.eof


def take(c: "Connection", limit: int) -> bytes:
    """Removes and returns up to `limit` bytes."""
    mark = c.urgent
    if mark.at is not None:
        at = read_next(c)
        if at < mark.at:
            limit = min(limit, mark.at - at)
        elif at == mark.at and c.recvbuf.size:
            if not mark.inline:
                mark.value = c.recvbuf.read(1)
            mark.at = None  # reading goes past it
    return c.recvbuf.read(limit)


def peek(c: "Connection", limit: int) -> bytes:
    """The same, left where it is."""
    mark = c.urgent
    skip = 0
    if mark.at is not None:
        at = read_next(c)
        if at < mark.at:
            limit = min(limit, mark.at - at)
        elif at == mark.at:
            skip = not mark.inline
    return c.recvbuf.peek(limit + skip)[skip:]


def take_urgent(c: "Connection") -> bytes | None:
    """The out-of-band byte, once; empty while it has not arrived, None where there is none to read."""
    mark = c.urgent
    if mark.inline or not mark.pending:
        return None
    if mark.at is not None:
        offset = mark.at - read_next(c)
        if offset >= c.recvbuf.size:
            return b""
        mark.value = c.recvbuf.peek(offset + 1)[-1:]
    mark.taken = True
    return mark.value
