"""Two hosts with faults between them, and how text gets from one to the other; in virtual time."""

import heapq
from collections.abc import Sequence
from typing import NamedTuple

from two_hosts import Lan

from pystack.link.crossing import Crossing, Fault
from pystack.link.faults import parse_faults
from pystack.link.faults.carried import read
from pystack.sock.calls import Sock
from pystack.sock.dispatch import dispatch
from pystack.tcp.config import TcpConfig
from pystack.wire.tcp import Segment

MS = 1_000_000
SECOND = 1_000 * MS


class Seen(NamedTuple):
    """A segment that a host has sent, before any fault."""

    at: int
    is_back: bool
    seg: Segment


class FaultyLan(Lan):
    """What host `a` sends goes out, what `b` sends comes in. `seen` are the segments of both, `arrived` those that came
    through, in order."""

    def __init__(self, *faults: Fault, tcp: TcpConfig | None = None) -> None:
        super().__init__(tcp)
        self.seen: list[Seen] = []
        self.arrived: list[Seen] = []
        self._faults = faults
        self._late: list[tuple[int, int, Crossing]] = []
        self._serial = 0

    def run(self) -> None:
        moved = True
        while moved:
            moved = False
            for sender in (self.a, self.b):
                while (packet := sender.poll_transmit(self.now)) is not None:
                    moved = True
                    crossing = Crossing(bytes(packet), sender is self.b)
                    _note(self.seen, crossing, self.now)
                    for crossed in pass_through(self._faults, crossing, self.now):
                        self._serial += 1
                        heapq.heappush(self._late, (self.now + crossed.late, self._serial, crossed))
                    self._deliver()
                dispatch(sender)

    def advance(self, nanoseconds: int) -> None:
        end = self.now + nanoseconds
        while self._late and self._late[0][0] <= end:
            super().advance(self._late[0][0] - self.now)
            self._deliver()
            self.run()
        super().advance(end - self.now)

    def flags(self, is_back: bool, flags: int) -> list[Seen]:
        """The segments from one side, which have all these flags."""
        return [seen for seen in self.seen if seen.is_back == is_back and seen.seg.flags & flags == flags]

    def _deliver(self) -> None:
        while self._late and self._late[0][0] <= self.now:
            crossed = heapq.heappop(self._late)[2]
            _note(self.arrived, crossed, self.now)
            (self.a if crossed.is_back else self.b).receive(crossed.packet, self.now)


def pass_through(faults: Sequence[Fault], crossing: Crossing, now: int = 0) -> list[Crossing]:
    """What comes of a packet behind a list of faults."""
    crossings = [crossing]
    for fault in faults:
        crossings = [crossed for each in crossings for crossed in fault.cross(each, now)]
    return crossings


def lan(spec: str, tcp: TcpConfig | None = None) -> FaultyLan:
    """Two hosts and faults as the command line writes them."""
    return FaultyLan(*parse_faults(spec), tcp=tcp)


def text(size: int) -> bytes:
    return bytes(n * 7 % 251 for n in range(size))


def transfer(lan: Lan, sender: Sock, receiver: Sock, data: bytes, patience: int = 20 * SECOND) -> bytes:
    """What the receiver gets of `data`, until it has all or nothing has come for `patience`. Raises what both raise."""
    got, sent, idle = bytearray(), 0, 0
    while len(got) < len(data) and idle < patience:
        if sent < len(data) and isinstance(taken := sender.send(data[sent : sent + 100_000]), int):
            sent += taken
        lan.run()
        if isinstance(part := receiver.recv(1 << 20), bytes):
            assert part, "the connection has ended"
            got += part
            idle = 0
        else:
            lan.advance(50 * MS)
            idle += 50 * MS
    return bytes(got)


def _note(seen: list[Seen], crossing: Crossing, now: int) -> None:
    if carried := read(crossing.packet):
        seen.append(Seen(now, crossing.is_back, carried.seg))
