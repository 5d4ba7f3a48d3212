"""What an application reads: the text in order, which stops at the mark of urgent data, and the byte at the mark by
itself.
"""

from pystack.tcp.core import Core


def read_next(c: Core) -> int:
    """The number of the next byte that a read would give."""
    return c.tcb.rcv.nxt - c.eof - c.recvbuf.size


def holds_urgent(c: Core) -> bool:
    """Whether the out-of-band byte has arrived, is to be taken out of the text, and has not been yet."""
    mark = c.urgent
    return mark.at is not None and not mark.inline and read_next(c) <= mark.at < c.tcb.rcv.nxt - c.eof


def take(c: Core, limit: int) -> bytes:
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


def peek(c: Core, limit: int) -> bytes:
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


def take_urgent(c: Core) -> bytes | None:
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
