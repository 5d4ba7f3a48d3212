"""Faults that come when a connection has carried so much: its window closes, it is reset or stalls, an end vanishes."""

from abc import abstractmethod
from collections.abc import Iterable, Iterator
from typing import Literal

from pystack.link.crossing import Crossing
from pystack.link.faults.carried import Carried
from pystack.link.faults.flows import Direction, Flow, TcpFault
from pystack.tcp.arrival import reset_for
from pystack.wire.tcp import ACK, RST, SYN, Segment


class CloseWindow(TcpFault):
    """Has the sender of what goes in `direction` take `after` bytes of text and no more: its ACKs, and its windows,
    whose scale is known from the SYNs, never reach beyond these. So it is as if its application had stopped to read,
    for good. (The last bytes, fewer than the scaled window can tell, go one by one, with the probes.) A TCP probes the
    window (RFC 9293 section 3.8.6.1) as long as it is answered, which is for ever; it is the application, or a user
    timeout (RFC 5482), that gives up.

    Example: `CloseWindow(100_000, direction="in")`; `in:close-window=100kB`.
    """

    def __init__(self, after: int, *, direction: Direction = "both") -> None:
        super().__init__(direction)
        self._after = _text(after)

    def meet(self, crossing: Crossing, carried: Carried, flow: Flow) -> Iterable[Crossing]:
        seg, room = carried.seg, self._after
        if seg.flags & RST:
            return (crossing,)
        if seg.flags & ACK:
            room -= flow.halves[not crossing.is_back].offset(seg.ack)
            seg.ack += min(room, 0)
        shift = 0 if seg.flags & SYN else flow.shift(crossing.is_back)
        seg.wnd = min(seg.wnd, max(room, 0) >> shift)
        return (crossing._replace(packet=carried.pack()),)


class _AfterText(TcpFault):
    """Begins with the segment whose text would be the first beyond `after` bytes, counted as the application does:
    what is sent again counts once. With a `direction` of both the first such segment of either is meant.
    """

    def __init__(self, after: int, *, direction: Direction = "both") -> None:
        super().__init__(direction)
        self._after = _text(after)

    def meet(self, crossing: Crossing, carried: Carried, flow: Flow) -> Iterable[Crossing]:
        seg, half = carried.seg, flow.halves[crossing.is_back]
        flow.over |= seg.size > 0 and half.offset(seg.seq) + seg.size > self._after
        return self.befall(crossing, carried) if flow.over else (crossing,)

    @abstractmethod
    def befall(self, crossing: Crossing, carried: Carried) -> Iterable[Crossing]:
        """What crosses instead of a segment when it has begun."""


class Stall(_AfterText):
    """Nothing of the connection gets through any more in `direction` once `after` bytes of text have, and no word is
    said. A TCP sends again with an RTO that doubles, and gives up after R2, some 15 minutes (RFC 9293 section 3.8.3);
    one that only waits for text waits for ever, unless it has keep-alive.

    Example: `Stall(100_000)`; `stall=100kB`.
    """

    def befall(self, crossing: Crossing, carried: Carried) -> Iterable[Crossing]:
        return ()


class Reset(_AfterText):
    """Cuts the connection in the middle of its text, as firewalls do: in place of what is beyond `after` bytes comes a
    RST `to` its receiver, to its sender, or to both, with the number that this end will believe (RFC 5961 section 3.2).
    A TCP tells its application ECONNRESET. An end that was not told meets the RST of the other, or gives up after R2.

    Example: `Reset(100_000, direction="out")`; `out:reset=100kB`, `out:reset=100kB/receiver`, `out:reset=100kB/sender`.
    """

    def __init__(
        self, after: int, *, to: Literal["both", "receiver", "sender"] = "both", direction: Direction = "both"
    ) -> None:
        super().__init__(after, direction=direction)
        if to not in ("both", "receiver", "sender"):
            raise ValueError(f"{to!r} is nobody to be reset: there are both, receiver and sender")
        self._to = to

    def befall(self, crossing: Crossing, carried: Carried) -> Iterable[Crossing]:
        seg = carried.seg
        if seg.flags & RST:
            yield crossing
            return
        if self._to != "sender":
            yield crossing._replace(packet=carried.follow(Segment(seg.seq, seg.ack, RST | ACK)))
        if self._to != "receiver":
            yield from _answered(crossing, carried)


class HalfOpen(_AfterText):
    """The end whose packets go in `gone` vanishes once `after` bytes of text have passed one way: nothing of it crosses
    any more, and what is sent to it is lost. With `returns` it has come back knowing nothing of the connection, and
    answers each segment by a RST (RFC 9293 section 3.5.1, figure 10). A TCP that sends gives up after R2, or at the
    RST; one that only waits keeps the connection half-open for ever, unless it has keep-alive. A new connection gets
    through.

    Example: `HalfOpen(100_000, gone="in")`; `in:vanish=100kB`, and with `returns`: `in:reboot=100kB`.
    """

    def __init__(self, after: int, *, gone: Literal["in", "out"] = "in", returns: bool = False) -> None:
        super().__init__(after)
        if gone not in ("in", "out"):
            raise ValueError(f"{gone!r} is no end that vanishes: there are in and out")
        self._gone_is_back = gone == "in"
        self._returns = returns

    def befall(self, crossing: Crossing, carried: Carried) -> Iterable[Crossing]:
        if self._returns and crossing.is_back != self._gone_is_back:
            yield from _answered(crossing, carried)


def _answered(crossing: Crossing, carried: Carried) -> Iterator[Crossing]:
    """The RST with which a host that knows nothing answers a segment."""
    answer = reset_for(carried.seg)
    if answer is not None:
        yield Crossing(carried.answer(answer), not crossing.is_back)


def _text(after: int) -> int:
    if after < 0:
        raise ValueError(f"{after} bytes of text cannot be counted: give 0 or more")
    return after
