"""What may a stack acknowledge? An independent account of what its peers have sent, connection by connection.

Every well-formed segment that arrived counts as its peer's, forged or not: so does it for the stack. What the stack has
not taken counts as well; an ACK that lies within what counts is still one of what has been sent.
"""

from collections.abc import Iterator
from typing import NamedTuple

FIN, SYN, RST, ACK = 1, 2, 4, 16
HALF = 1 << 31


class Segment(NamedTuple):
    """A TCP header's part in this: `size` is the room in sequence numbers."""

    seq: int
    ack: int
    flags: int
    size: int


def difference(a: int, b: int) -> int:
    """How far sequence number `a` lies beyond `b`."""
    return (a - b + HALF) % (1 << 32) - HALF


class Peer:
    """The peer on one pair of addresses and ports."""

    def __init__(self) -> None:
        self._opens: dict[int, int] = {}
        """Where in `_texts` to begin, by the sequence number of a SYN."""
        self._texts: list[Segment] = []
        self._ends_without_ack: set[int] = set()
        """What a reset for a segment without an ACK acknowledges (RFC 9293 section 3.10.7.1)."""
        self._isns: tuple[int, int] | None = None
        """Ours and the peer's, of the connection that there is or was last."""
        self._last = self._reach = 0
        """What was acknowledged last, and how far the text reaches without a gap."""

    def sends(self, segment: Segment) -> None:
        """A segment has arrived from it."""
        if not segment.flags & ACK:
            self._ends_without_ack.add((segment.seq + segment.size) % (1 << 32))
        if segment.flags & SYN:
            self._opens.setdefault(segment.seq, len(self._texts))
            if segment.size == 1:
                return
            segment = segment._replace(seq=(segment.seq + 1) % (1 << 32), size=segment.size - 1)
        elif segment.flags & RST or not segment.flags & ACK or not segment.size:
            return
        self._texts.append(segment)
        self._extend([segment])

    def is_answered(self, segment: Segment) -> Iterator[str]:
        """What is wrong with the ACK of a segment to it."""
        if not segment.flags & ACK:
            if not segment.flags & RST:
                yield "neither ACK nor RST"
            return
        if segment.flags & RST and segment.ack in self._ends_without_ack:
            return
        if segment.flags & SYN:
            irs = (segment.ack - 1) % (1 << 32)
            if self._isns != (segment.seq, irs):
                if irs not in self._opens:
                    yield f"a SYN,ACK of {segment.ack}, but there was no such SYN"
                    return
                self._begin(segment.seq, irs)
        if self._isns is None:
            yield f"an ACK of {segment.ack} where nothing is open"
        elif difference(segment.ack, self._reach) > 0:
            yield f"an ACK of {segment.ack}, but its peer has sent no more than up to {self._reach}"
        elif difference(segment.ack, self._last) < 0:
            yield f"an ACK of {segment.ack} after one of {self._last}"
        else:
            self._last = segment.ack

    def _begin(self, iss: int, irs: int) -> None:
        """A new connection: what came before its SYN is of the past."""
        start = self._opens.pop(irs)
        self._texts = self._texts[start:]
        self._opens = {seq: at - start for seq, at in self._opens.items() if at >= start}
        self._isns = iss, irs
        self._last = self._reach = (irs + 1) % (1 << 32)
        self._extend(self._texts)

    def _extend(self, news: list[Segment]) -> None:
        """As far as there is text, which may have come in any order."""
        while any(self._reaches(segment) for segment in news):
            news = self._texts

    def _reaches(self, segment: Segment) -> bool:
        ahead = difference((segment.seq + segment.size) % (1 << 32), self._reach)
        if difference(segment.seq, self._reach) > 0 or ahead <= 0:
            return False
        self._reach = (self._reach + ahead) % (1 << 32)
        return True
