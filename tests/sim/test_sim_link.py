"""A link between two ends: directions, queues, faults, counters."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest
from scapy.all import IP, TCP, Raw

from pystack.link.codel import CoDel
from pystack.link.counts import Counts
from pystack.link.crossing import Crossing
from pystack.link.impair import Impairments
from pystack.link.queues import Limit
from pystack.sim.clock import Clock
from pystack.sim.link import PERFECT, Link
from pystack.sim.node import Application, Node
from pystack.stack.config import Config
from pystack.tcp.config import TcpConfig
from pystack.wire.packet import Packet

MS = 1_000_000
SECOND = 1_000_000_000
RATE = 8_000_000
"""A packet of 1000 bytes takes 1 ms."""


class End:
    """What comes to it, and when."""

    def __init__(self, name: str, clock: Clock) -> None:
        self.name = name
        self.clock = clock
        self.came: list[tuple[int, bytes]] = []
        self.on_receive: Callable[[bytes], None] = lambda packet: None

    def receive(self, packet: bytes) -> None:
        self.came.append((self.clock.now, packet))
        self.on_receive(packet)


def link_of(forward: Impairments = PERFECT, back: Impairments = PERFECT, seed: int = 1, **rest: Any) -> Any:
    clock = Clock()
    ends: Any = End("a", clock), End("b", clock)
    return clock, *ends, Link(seed, clock, ends, forward, back, **rest)


def run(clock: Clock) -> None:
    while clock.next() is not None:
        clock.step()


def test_directions_are_not_the_same() -> None:
    clock, a, b, link = link_of(Impairments(delay=20 * MS), Impairments(rate=RATE, delay=MS, queue=Limit(packets=1)))
    link.send(a, b"there")
    for n in range(3):
        link.send(b, bytes([n]) * 1000)
    run(clock)
    assert b.came == [(20 * MS, b"there")]
    assert a.came == [(2 * MS, bytes(1000)), (3 * MS, bytes([1]) * 1000)]
    assert link.forward == Counts(sent=1)
    assert link.back == Counts(sent=3, dropped=1)
    assert link.total == Counts(sent=4, dropped=1)
    assert (link.other(a), link.other(b)) == (b, a)


def test_the_clock_has_one_alarm_at_most() -> None:
    clock, a, b, link = link_of(Impairments(delay=20 * MS, reorder=0.5), seed=4)
    for n in range(50):
        link.send(a, bytes([n]))
    assert len(clock._calls) == 1
    run(clock)
    assert sorted(packet[0] for _, packet in b.came) == list(range(50))
    assert [at for at, _ in b.came] == sorted(at for at, _ in b.came)


def test_what_is_sent_in_answer_comes_after_what_is_there() -> None:
    clock, a, b, link = link_of()
    b.on_receive = lambda packet: link.send(b, packet + b"!")
    a.on_receive = lambda packet: seen.append(len(b.came))
    seen: list[int] = []
    link.send(a, b"1")
    link.send(a, b"2")
    run(clock)
    assert [packet for _, packet in a.came] == [b"1!", b"2!"]
    assert seen == [2, 2]


def test_a_cut_lets_arrive_what_is_under_way() -> None:
    clock, a, b, link = link_of(Impairments(rate=RATE, delay=5 * MS))
    for n in range(3):
        link.send(a, bytes([n]) * 1000)
    link.cut()
    link.send(a, b"lost")
    link.send(b, b"lost too")
    run(clock)
    link.heal()
    link.send(a, b"again")
    run(clock)
    assert [packet[:1] for _, packet in b.came] == [b"\0", b"\1", b"\2", b"a"]
    assert (link.forward.lost, link.back.lost, a.came) == (1, 1, [])


def test_the_mtu_is_that_of_the_narrower_direction() -> None:
    assert link_of()[-1].mtu == 0xFFFF
    clock, a, b, link = link_of(Impairments(mtu=100), Impairments(mtu=60))
    assert link.mtu == 60
    for end in (a, b):
        for size in (60, 61, 100, 101):
            link.send(end, bytes(size))
    run(clock)
    assert [len(packet) for _, packet in b.came] == [60, 61, 100]
    assert [len(packet) for _, packet in a.came] == [60]
    assert (link.forward.oversized, link.back.oversized) == (1, 3)


def test_super_segments_are_split_first() -> None:
    clock, _, b, link = link_of(Impairments(mtu=140))
    whole = bytes(IP(src="10.0.0.1", dst="10.0.0.2") / TCP(seq=1, flags="PA") / Raw(bytes(range(250))))
    link.send(link.ends[0], Packet((whole[:40], whole[40:]), gso_size=100))
    run(clock)
    parts = [IP(packet) for _, packet in b.came]
    assert [(part.seq, part.len, str(part[TCP].flags)) for part in parts] == [
        (1, 140, "A"),
        (101, 140, "A"),
        (201, 90, "PA"),
    ]
    assert (link.forward.sent, link.forward.oversized) == (3, 0)


class Mirror:
    """What goes forward is thrown back, a second late."""

    def cross(self, crossing: Crossing, now: int) -> Iterable[Crossing]:
        return [crossing._replace(is_back=True, late=SECOND)]


def test_faults_may_come_and_go() -> None:
    clock, a, b, link = link_of(Impairments(delay=5 * MS), Impairments(delay=MS), faults=[Mirror()])
    link.send(a, b"mirrored")
    link.faults.clear()
    link.send(a, b"not")
    run(clock)
    assert a.came == [(SECOND + MS, b"mirrored")]
    assert b.came == [(5 * MS, b"not")]


@pytest.mark.parametrize("family", [4, 6])
def test_ecn_slows_a_sender_down_without_a_loss(family: int) -> None:
    """RFC 3168 from end to end: CoDel marks, and the sender halves its window where it would have had to send again."""

    def transfer(ecn: bool) -> tuple[Counts, int, int]:
        clock = Clock()
        links: list[Link] = []
        addresses = [bytes([10, 0, 0, n]) if family == 4 else bytes([0xFD, *bytes(14), n]) for n in (1, 2)]
        nodes = [
            Node(
                1,
                clock,
                name,
                Config(addresses=((address, 24),), tcp=TcpConfig(ecn=True, congestion="newreno")),
                lambda node, packet: links[0].send(node, packet),
            )
            for name, address in zip("ab", addresses, strict=True)
        ]
        line = Impairments(rate=RATE, delay=10 * MS, queue=Limit(), aqm=CoDel(ecn=ecn))
        links.append(Link(1, clock, (nodes[0], nodes[1]), line, Impairments(delay=10 * MS)))
        data, got = bytes(3_000_000), 0

        def server(node: Node) -> Application:
            nonlocal got
            listener = node.stack.listen(bytes(len(addresses[1])), 80, 5)
            while (endpoint := listener.accept()) is None:
                yield None
            while got < len(data):
                got += len(endpoint.connection.recv(1 << 20))
                node.stack.touch(endpoint)
                yield None

        def client(node: Node) -> Application:
            endpoint = node.stack.connect(addresses[1], 80, node.now)
            taken = 0
            yield None
            while taken < len(data):
                sent = endpoint.connection.send(data[taken : taken + 100_000])
                node.stack.touch(endpoint)
                taken += sent
                if not sent:
                    yield None
            endpoint.connection.shutdown_write()
            node.stack.touch(endpoint)

        nodes[1].run(server(nodes[1]))
        nodes[0].run(client(nodes[0]))
        while got < len(data):
            assert clock.now < 60 * SECOND
            clock.step()
        return links[0].forward, nodes[0].stack.metrics["TcpRetransSegs"], clock.now

    marked, dropped = transfer(ecn=True), transfer(ecn=False)
    assert marked[0].marked > 5
    assert (marked[0].dropped, marked[1]) == (0, 0)
    assert (dropped[0].marked, dropped[0].dropped > 5) == (0, True)
    assert dropped[1] >= dropped[0].dropped
    for _, _, ended in (marked, dropped):
        assert 3 * SECOND < ended < 6 * SECOND, "the line is hardly idle"
