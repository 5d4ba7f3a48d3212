"""Two connections that hand each other super-segments, cut into wire segments before the network gets at them."""

from functools import partial

import pytest

from pystack.link.entropy import random_bytes, stream
from pystack.link.impair import Impairments
from pystack.link.passage import Passage
from pystack.sim.clock import Clock
from pystack.sim.invariants import check_connection
from pystack.tcp.config import TcpConfig
from pystack.tcp.connection import Connection
from pystack.tcp.events import Ending
from pystack.tcp.state import State
from pystack.wire import options as tcp_options
from pystack.wire.tcp import FIN, PSH, Segment

MS = 1_000_000
SECOND = 1_000_000_000
BUDGET = 65536
MSS = 1460


def cut(seg: Segment) -> list[Segment]:
    """The wire segments of a super-segment: PSH and FIN are the last one's."""
    text = b"".join(bytes(p) for p in seg.pieces)
    assert len(text) == seg.size
    step = seg.mss or max(seg.size, 1)
    parts = [text[at : at + step] for at in range(0, len(text), step)] or [b""]
    assert len(parts) == seg.segs, "as many as it says"
    found = []
    for n, part in enumerate(parts):
        last = n == len(parts) - 1
        flags = seg.flags if last else seg.flags & ~(PSH | FIN)
        wire = Segment((seg.seq + n * step) & 0xFFFFFFFF, seg.ack & 0xFFFFFFFF, flags, seg.wnd)
        wire.pieces, wire.size = ((part,) if part else ()), len(part)
        wire.options = tcp_options.parse(tcp_options.build(seg.options))
        if not seg.options.mss:
            assert wire.size + len(tcp_options.build(seg.options)) <= MSS
        found.append(wire)
    return found


class End:
    def __init__(self, connection: Connection, data: bytes, passage: Passage) -> None:
        self.connection = connection
        self.passage = passage
        self.data = data
        self.taken = 0
        self.got = bytearray()
        self.largest = 0

    def work(self) -> None:
        """What the application does whenever something has happened."""
        c = self.connection
        if c.tcb.state in (State.SYN_SENT, State.LISTEN):
            return
        self.taken += c.send(self.data[self.taken : self.taken + 200_000])
        if self.taken == len(self.data):
            c.shutdown_write()
        self.got += c.recv(1 << 20)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("sack", [True, False])
def test_super_segments_over_a_bad_link(seed: int, sack: bool) -> None:
    generator = stream(seed, "super", str(sack))
    bad = Impairments(
        loss=(0.0, 0.01, 0.05)[seed % 3],
        delay=10 * MS,
        reorder=(0.0, 0.02)[seed % 2],
        duplicate=(0.0, 0.02, 0.1)[seed % 3],
    )
    config = TcpConfig(sack=sack, timestamps=seed % 4 != 3)
    make = {"advmss": MSS, "default_mss": 536}
    connections = (
        Connection.active(config, iss=2**32 - 70_000, **make),
        Connection.passive(config, iss=5, **make),
    )
    ends = tuple(
        End(connection, random_bytes(generator, size), Passage(bad, partial(stream, seed, str(sack), str(size))))
        for connection, size in zip(connections, (700_000, 400_000), strict=True)
    )
    clock = Clock()

    def settle(end: End, other: End) -> None:
        c = end.connection
        while True:
            end.work()
            seg = c.poll_transmit(clock.now, BUDGET)
            if seg is None:
                break
            end.largest = max(end.largest, seg.segs)
            assert seg.reason != "data" or c.board.in_flight <= c.cc.cwnd + bool(seg.flags & FIN)
            for wire in cut(seg):
                for at, _ in end.passage.arrivals(end.passage.draw(wire.size), clock.now):
                    clock.call_at(at, lambda wire=wire: arrive(other, end, wire))
        c.poll_event()
        check_connection(c, clock.now)

    def arrive(end: End, sender: End, wire: Segment) -> None:
        copy = Segment(wire.seq, wire.ack, wire.flags, wire.wnd, wire.pieces, wire.size, wire.options)
        end.connection.receive(copy, clock.now)
        settle(end, sender)

    settle(ends[0], ends[1])
    while any(e.connection.tcb.state is not State.CLOSED for e in ends):
        deadlines = [e.connection.next_deadline() for e in ends]
        upcoming = min(t for t in (clock.next(), *deadlines) if t is not None)
        assert upcoming < 1000 * SECOND
        if clock.next() == upcoming:
            clock.step()
        else:
            clock.skip_to(upcoming)
        for end, other in (ends, ends[::-1]):
            deadline = end.connection.next_deadline()
            if deadline is not None and deadline <= clock.now:
                end.connection.on_deadline(clock.now)
                settle(end, other)
    for end, other in (ends, ends[::-1]):
        assert end.connection.ending is Ending.NORMAL
        assert end.got == other.data
        assert end.largest >= 4, "super-segments did form"
