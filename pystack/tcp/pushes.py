"""Where PSH goes in the text that is queued, and where a packet must end: what an application's writes leave behind.

Linux queues text in buffers of whole packets, each with its PSH, and the field's test scripts expect what follows from
that: the last text of a write has PSH (RFC 9293 MUST-61) unless the next write still finds room in its buffer, and so
has the end of a full buffer when more than half of the peer's largest window was queued without.
"""

from bisect import bisect_right
from typing import Final

_LARGEST: Final = 65215
"""Most bytes of text in one buffer. Linux: 64 KiB less the headers that it provides for."""


class _Marks:
    """Numbers that only grow, and are forgotten as the peer acknowledges what lies before them."""

    __slots__ = ("_head", "_numbers")

    def __init__(self) -> None:
        self._numbers: list[int] = []
        self._head = 0

    @property
    def last(self) -> int | None:
        """The largest."""
        return self._numbers[-1] if len(self._numbers) > self._head else None

    def add(self, number: int) -> None:
        """One that is larger than all others, or equal to the last."""
        if self.last != number:
            self._numbers.append(number)

    def drop_last(self) -> None:
        """Forgets the largest."""
        self._numbers.pop()

    def after(self, number: int) -> int | None:
        """The smallest that is larger than `number`."""
        index = bisect_right(self._numbers, number, self._head)
        return self._numbers[index] if index < len(self._numbers) else None

    def forget_before(self, number: int) -> None:
        """Forgets all that are not larger."""
        numbers, head = self._numbers, self._head
        while head < len(numbers) and numbers[head] <= number:
            head += 1
        if head == len(numbers) or (head > 64 and head * 2 > len(numbers)):
            del numbers[:head]
            head = 0
        self._head = head


class Pushes:
    """Of one connection; `start` is the number of its first byte."""

    __slots__ = ("_buffer", "_ends", "_pushed", "_records")

    def __init__(self, start: int) -> None:
        self._buffer = start
        """Where the last buffer begins."""
        self._pushed = start
        """The end of the text that was last marked because of its amount, or at the end of a write."""
        self._ends = _Marks()
        """Ends of text with PSH."""
        self._records = _Marks()
        """Ends of records (MSG_EOR)."""

    def queued(self, start: int, end: int, *, unsent: int, mss: int, max_wnd: int, more: bool, record: bool) -> None:
        """The text from `start` to `end` was queued; what lies from `unsent` on has not been sent. `mss` bytes fill a
        packet, `max_wnd` is the largest window that the peer has offered. `more`: the application says that more
        follows; `record`: that nothing may follow in the same packet.
        """
        half = max_wnd >> 1
        goal = max(min(_LARGEST, half if max_wnd > 536 else _LARGEST) // mss, 1) * mss
        buffer = max(self._buffer, unsent)
        if self._records.last == start:
            buffer = start
        at = start
        carried = buffer < start == self._ends.last and buffer + goal > start
        if carried:
            self._ends.drop_last()
        while True:
            if buffer + goal <= at:
                buffer = at
            at = min(buffer + goal, end)
            if at == end:
                break
            if carried or at - self._pushed > half:
                self._push(at)
            carried = False
        self._buffer = buffer
        if not more or end - self._pushed > half:
            self._push(end)
        elif carried:
            self._ends.add(end)
        if record:
            self._records.add(end)

    def waits_no_longer(self, end: int) -> None:
        """What was held back goes, up to `end`: it is the last text for now."""
        self._push(end)

    def has_push(self, start: int, end: int) -> bool:
        """Whether a segment with this text has PSH."""
        mark = self._ends.after(start)
        return mark is not None and mark <= end

    def record_end(self, start: int) -> int | None:
        """The next number at which a segment from `start` on has to end; None: wherever it likes."""
        return self._records.after(start)

    def acknowledged(self, una: int) -> None:
        """The peer has what lies before `una`."""
        self._ends.forget_before(una)
        self._records.forget_before(una)

    def _push(self, at: int) -> None:
        self._ends.add(at)
        self._pushed = at
