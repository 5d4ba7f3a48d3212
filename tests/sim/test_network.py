"""The virtual clock, its links, and what they do to packets."""

from dataclasses import replace

import pytest

from pystack.link.entropy import random_bytes, stream
from pystack.link.impair import Impairments
from pystack.sim.clock import Clock
from pystack.sim.link import Link
from pystack.sim.node import Application, Node
from pystack.sim.simulation import Simulation
from pystack.stack.config import Config
from pystack.tcp.state import State
from pystack.wire import icmpv4, ipv4
from pystack.wire.packet import Packet

MS = 1_000_000
SECOND = 1_000_000_000
A, B, C = (bytes([10, 0, 0, n]) for n in (1, 2, 3))


def lab_of_two(impairments: Impairments = Impairments(delay=10 * MS), seed: int = 1, mtu: int = 1500):  # noqa: B008
    lab = Simulation(seed)
    a, b = lab.host("a", config=Config(addresses=((A, 24),))), lab.host("b", config=Config(addresses=((B, 24),)))
    return lab, a, b, lab.link(a, b, replace(impairments, mtu=mtu))


def ping(sequence: int, data: bytes = b"x" * 56) -> bytes:
    body = icmpv4.build(icmpv4.Message(icmpv4.ECHO_REQUEST, 0, 7 << 16 | sequence, data))
    return ipv4.build_header(A, B, 1, len(body)) + body


def arrivals(lab: Simulation, link: Link, a: Node, b: Node, count: int) -> list[tuple[int, bytes]]:
    """Sends `count` packets, a millisecond apart; returns what gets to `b` and when."""
    found: list[tuple[int, bytes]] = []
    b.receive = lambda packet: found.append((lab.clock.now, packet))  # type: ignore[method-assign]
    for n in range(count):
        lab.clock.call_at(n * MS, lambda n=n: link.send(a, n.to_bytes(4, "big")))
    lab.run_until()
    return found


def test_the_clock_keeps_the_order_of_what_is_due_at_once() -> None:
    clock, seen = Clock(), []
    for when, name in ((5, "late"), (3, "first"), (3, "second"), (0, "now")):
        clock.call_at(when, lambda name=name: seen.append((clock.now, name)))
    clock.call_at(3, lambda: clock.call_at(1, lambda: seen.append((clock.now, "overdue"))))
    while clock.next() is not None:
        clock.step()
    assert seen == [(0, "now"), (3, "first"), (3, "second"), (3, "overdue"), (5, "late")]
    with pytest.raises(IndexError):
        clock.step()


def test_what_is_withdrawn_does_not_happen() -> None:
    clock, seen = Clock(), []
    numbers = [clock.call_at(when, lambda when=when: seen.append(when)) for when in (1, 2, 3)]
    clock.withdraw(numbers[0])
    clock.withdraw(numbers[2])
    assert clock.next() == 2
    clock.step()
    clock.withdraw(numbers[1])
    assert clock.next() is None
    assert (seen, clock.now) == ([2], 2)
    with pytest.raises(IndexError):
        clock.step()


def test_streams_depend_on_seed_and_purpose_alone() -> None:
    assert random_bytes(stream(1, "a"), 8) == random_bytes(stream(1, "a"), 8)
    drawn = {random_bytes(stream(*key), 8) for key in ((1, "a"), (2, "a"), (1, "b"), (1, "a", "b"), (1, "ab"))}
    assert len(drawn) == 5
    assert random_bytes(stream(1, "a"), 0) == b""


def test_one_more_host_shifts_no_other() -> None:
    def trace(crowded: bool) -> list[bytes]:
        lab, a, b, _ = lab_of_two(Impairments(delay=5 * MS, loss=0.2))
        if crowded:
            lab.link(a, lab.host("c", config=Config(addresses=((C, 24),))))
        seen: list[bytes] = []
        lab.taps.append(lambda now, name, packet: seen.append(bytes(packet)))
        b.stack.listen(B, 80, 5)
        a.stack.connect(B, 80, 0)
        a.settle()
        lab.run_until(time=20 * SECOND)
        return seen

    assert trace(False) == trace(True)
    assert len(trace(False)) >= 3


def test_a_ping_takes_a_round_trip() -> None:
    lab, a, _, link = lab_of_two()
    seen: list[tuple[int, str, str]] = []
    lab.taps.append(lambda now, name, packet: seen.append((now, name, packet.reason)))
    link.send(a, ping(1))
    lab.run_until()
    assert seen == [(10 * MS, "b", "echo-reply")]
    assert lab.clock.now == 20 * MS
    assert a.stack.metrics["IpInReceives"] == 1


def test_a_deadline_that_is_superseded_is_withdrawn() -> None:
    lab, a, _, _ = lab_of_two()
    endpoint = a.stack.connect(B, 80, 0)
    a.settle()
    assert lab.clock.next() == 10 * MS
    lab.run_until()
    assert endpoint.connection.tcb.state is State.CLOSED, "nobody listens"
    assert lab.clock.now == 20 * MS, "and nobody waited for the retransmission"


def test_packets_for_nobody_vanish() -> None:
    lab, a, _, link = lab_of_two()
    lab.on_sent(a, Packet((ipv4.build_header(A, C, 1, 0),)))
    assert link.total.sent == 0
    assert lab.run_until() is False


def test_run_until_stops_at_its_condition_or_time() -> None:
    lab, *_ = lab_of_two()
    hits: list[int] = []
    for at in (1, 2, 3):
        lab.clock.call_at(at, lambda at=at: hits.append(at))
    assert lab.run_until(lambda: len(hits) == 2, time=10) is True
    assert (hits, lab.clock.now) == ([1, 2], 2)
    assert lab.run_until(lambda: len(hits) == 9, time=10) is False
    assert (hits, lab.clock.now) == ([1, 2, 3], 10)


def test_a_program_sleeps_and_waits_for_events() -> None:
    lab, a, b, _ = lab_of_two()
    log: list[tuple[int, str]] = []

    def server(node: Node) -> Application:
        listener = node.stack.listen(B, 80, 5)
        while (endpoint := listener.accept()) is None:
            yield None
        log.append((node.now // MS, "accepted"))
        yield 100 * MS
        endpoint.connection.send(b"hello")
        endpoint.connection.shutdown_write()
        node.stack.touch(endpoint)

    def client(node: Node) -> Application:
        connection = node.stack.connect(B, 80, node.now).connection
        while not connection.eof:
            yield None
        log.append((node.now // MS, connection.recv(100).decode()))

    b.run(server(b))
    a.run(client(a))
    lab.run_until(time=SECOND)
    assert log == [(30, "accepted"), (140, "hello")]


def test_loss_and_duplicates_come_as_often_as_asked() -> None:
    lab, a, b, link = lab_of_two(Impairments(loss=0.25, duplicate=0.1))
    found = arrivals(lab, link, a, b, 4000)
    assert 900 < link.total.lost < 1100
    assert 240 < len(found) - len({p for _, p in found}) < 360


def test_jitter_keeps_the_order_and_reorder_does_not() -> None:
    lab, a, b, link = lab_of_two(Impairments(delay=20 * MS, jitter=30 * MS))
    found = [p for _, p in arrivals(lab, link, a, b, 500)]
    assert found == sorted(found)
    lab, a, b, link = lab_of_two(Impairments(delay=20 * MS, reorder=0.1))
    found = [p for _, p in arrivals(lab, link, a, b, 500)]
    assert found != sorted(found)
    assert len(found) == 500


def test_delay_is_the_least_time_under_way() -> None:
    lab, a, b, link = lab_of_two(Impairments(delay=20 * MS, jitter=3 * MS, reorder=0.1))
    for now, packet in arrivals(lab, link, a, b, 300):
        sent = int.from_bytes(packet, "big") * MS
        assert 20 * MS <= now - sent <= (20 + 3 + 23) * MS


def test_corruption_flips_one_bit_and_the_checksums_catch_it() -> None:
    lab, a, b, link = lab_of_two(Impairments(corrupt=1.0))
    for n in range(200):
        link.send(a, ping(n))
    lab.run_until()
    assert b.stack.metrics["IpInReceives"] + b.stack.metrics["Ip6InReceives"] == 200, "the version may be hit too"
    assert b.stack.metrics["IcmpInCsumErrors"] > 100
    assert a.stack.metrics["IpInReceives"] == 0, "none was answered"


def test_a_cut_link_heals() -> None:
    lab, a, b, link = lab_of_two()
    b.stack.listen(B, 80, 5)
    link.cut()
    endpoint = a.stack.connect(B, 80, 0)
    a.settle()
    assert not lab.run_until(lambda: endpoint.connection.tcb.state is State.ESTABLISHED, time=10 * SECOND)
    assert link.total.lost == 4
    link.heal()
    assert lab.run_until(lambda: endpoint.connection.tcb.state is State.ESTABLISHED, time=20 * SECOND)


def test_what_is_larger_than_the_link_is_dropped() -> None:
    lab, a, b, link = lab_of_two(mtu=100)
    link.send(a, bytes(101))
    link.send(a, bytes(100))
    lab.run_until()
    assert (link.total.sent, link.total.oversized, b.stack.metrics["IpInReceives"]) == (2, 1, 1)


def test_names_are_unique() -> None:
    lab, *_ = lab_of_two()
    with pytest.raises(ValueError, match="host a"):
        lab.host("a", config=Config(addresses=((C, 24),)))
