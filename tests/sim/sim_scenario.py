"""One transfer between two simulated hosts, with everything that can be varied, and what must hold at each step."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import BinaryIO
from unittest.mock import patch

from sim_holds import Observer, nothing_is_left, what_is_read_was_written
from sim_options import SECOND, Options, address, config, connect

from pystack.link.entropy import random_bytes, stream
from pystack.link.faults import parse_faults
from pystack.sim.link import Link
from pystack.sim.node import Application, Buffers, Node
from pystack.sim.simulation import Simulation
from pystack.stack.endpoint import Endpoint
from pystack.stack.host import Host
from pystack.stack.timewait import TimeWait
from pystack.tcp.connection import Connection
from pystack.tcp.events import Ending
from pystack.tcp.state import State

PORT = 80
PATIENCE = 3000 * SECOND
"""After this long without progress an application gives up; longer than R2."""


@dataclass
class Side:
    """What one application sent and got."""

    name: str
    sends: bytes
    got: bytearray = field(default_factory=bytearray)
    taken: int = 0
    connection: Connection | None = None
    gave_up: bool = False
    """The application itself threw the connection away."""
    crashed: bool = False
    """And all of its host with it."""
    finished: bool = False
    progress_at: int = 0

    @property
    def ending(self) -> Ending | None:
        return self.connection.ending if self.connection else None


@dataclass
class Outcome:
    options: Options
    a: Side
    b: Side
    link: Link
    nodes: tuple[Node, Node]
    ended_at: int
    digest: str


def _connections(stack: Host) -> list[Endpoint | TimeWait]:
    """All of a host, those in TIME-WAIT too."""
    return [*stack.endpoints(), *stack.connections.time_waits.values()]


def run(seed: int, options: Options, *, buffers: Buffers = "own", capture: BinaryIO | None = None) -> Outcome:
    """Runs one scenario to its end, and asks the properties at each step. `capture` gets the packets."""
    o = options
    lab = Simulation(seed, buffers=buffers)
    if capture is not None:
        lab.capture(capture)
    a, b = lab.host("a", config=config(o, "a")), lab.host("b", config=config(o, "b"))
    link = connect(lab, a, b, o, parse_faults(o["fault"]) if o["fault"] else ())
    generator = stream(seed, "data")
    side_a = Side("a", random_bytes(generator, o["size_a"]))
    side_b = Side("b", random_bytes(generator, o["size_b"]))
    observer = Observer(lab, a, b)
    a.run(_client(a, address(o, 2), side_a, o))
    b.run(_server(b, side_b, o))
    _bad_days(lab, link, b, side_b, o)

    def over() -> bool:
        observer.check()
        return (
            side_a.finished and side_b.finished and not any(_connections(node.stack) for node in (a, b) if node.is_up)
        )

    with _initial_numbers(o["iss_gap"]):
        ended = lab.run_until(over, time=20_000 * SECOND)
    assert ended, ("never ends", side_a.ending, side_b.ending, _connections(a.stack), _connections(b.stack))
    ended_at = lab.clock.now
    # What a router has said of the path is believed for a while yet.
    lab.run_until(lambda: all(node.stack.next_deadline() is None for node in (a, b) if node.is_up))
    return Outcome(o, side_a, side_b, link, (a, b), ended_at, lab.digest)


def _bad_days(lab: Simulation, link: Link, b: Node, side: Side, o: Options) -> None:
    """What happens to the link, and to the server's host, and when."""

    def crash() -> None:
        b.crash()
        side.finished = side.gave_up = side.crashed = True

    if o["cut_at"] is not None:
        lab.clock.call_at(o["cut_at"], link.cut)
        if o["heal_after"] is not None:
            lab.clock.call_at(o["cut_at"] + o["heal_after"], link.heal)
    if o["crash_at"] is not None:
        lab.clock.call_at(o["crash_at"], crash)
        if o["restart_after"] is not None:
            lab.clock.call_at(o["crash_at"] + o["restart_after"], b.restart)
    if o["moves_at"] is not None:
        moved = "10.0.0.3/24" if o["family"] == 4 else "fd00::3/64"
        lab.clock.call_at(o["moves_at"], partial(lab.set_addresses, b, moved))


@contextmanager
def _initial_numbers(gap: int | None) -> Iterator[None]:
    """Has all sequence numbers start `gap` before the wrap; None: as the stack chooses."""
    if gap is None:
        yield
        return
    with patch("pystack.stack.connections.initial_sequence_number", lambda secret, key, now: 2**32 - gap):
        yield


def _client(node: Node, server: bytes, side: Side, o: Options) -> Application:
    endpoint = node.stack.connect(server, PORT, 0)
    yield from _transfer(node, endpoint, side, o, close_early=o["early_close"], abort_at=o["abort_at"])


def _server(node: Node, side: Side, o: Options) -> Application:
    wildcard = bytes(len(node.stack.config.addresses[0][0]))
    listener = node.stack.listen(wildcard, PORT, 5)
    # Virtual time is free, but a server waits no longer than the longest handshake takes.
    while (endpoint := listener.accept()) is None:
        yield SECOND // 10
        if node.now > 300 * SECOND:
            break
    node.stack.close_listener(listener)
    if endpoint is None:
        side.finished = side.gave_up = True
        return
    yield from _transfer(node, endpoint, side, o)


def _transfer(
    node: Node,
    endpoint: Endpoint,
    side: Side,
    o: Options,
    close_early: bool = False,
    abort_at: int | None = None,
) -> Application:
    """Sends everything, half-closes, reads until the end, closes."""
    connection = side.connection = endpoint.connection
    side.progress_at = node.now
    node.run(_watchdog(node, endpoint, side, abort_at))
    next_read = next_write = 0
    while True:
        now = node.now
        done = side.taken, len(side.got)
        if side.taken < len(side.sends) and now >= next_write:
            side.taken += connection.send(side.sends[side.taken : side.taken + o["chunk"]])
            next_write = now + o["write_pause"]
        # In SYN-SENT this would delete the connection with what is queued (RFC 9293 section 3.10.4).
        if side.taken == len(side.sends) and connection.tcb.state is not State.SYN_SENT:
            connection.shutdown_write()
        if now >= next_read:
            side.got += connection.recv(o["read"])
            next_read = now + o["read_pause"]
        node.stack.touch(endpoint)
        ended = connection.ending is not None
        all_sent = ended or connection.fin_queued
        all_read = not connection.recvbuf.size and (connection.eof or ended)
        if all_sent and (all_read or close_early):
            break
        pauses = [at - now for at in (next_read, next_write) if at > now]
        if done != (side.taken, len(side.got)):
            side.progress_at = now
            yield min(pauses, default=0)
        else:
            yield min(pauses) if pauses else None
    side.gave_up |= close_early
    connection.close(node.now)
    node.stack.touch(endpoint)
    side.finished = True


def _watchdog(node: Node, endpoint: Endpoint, side: Side, abort_at: int | None) -> Application:
    """Aborts at a given time, or when an application has waited for too long."""
    if abort_at is not None:
        yield max(abort_at - node.now, 0)
    else:
        while not side.finished and node.now - side.progress_at < PATIENCE:
            yield 100 * SECOND
    if not side.finished:
        side.gave_up = True
        endpoint.connection.abort()
        node.stack.touch(endpoint)


def assert_all_or_error(outcome: Outcome) -> None:
    """Every byte arrives once and in order, or both sides get an error."""
    pairs = (outcome.a, outcome.b), (outcome.b, outcome.a)
    for sender, receiver in pairs:
        what_is_read_was_written(receiver.got, sender.sends)
        if receiver.got == sender.sends:
            continue
        story = sender.ending, receiver.ending, len(receiver.got), len(sender.sends)
        if not receiver.gave_up:
            assert _failed(receiver), ("the receiver took a part for the whole", *story)
            assert _failed(sender) or sender.gave_up, ("the sender took a part for the whole", *story)
    for node in outcome.nodes:
        if node.is_up:
            nothing_is_left(node.stack)
    for side in (outcome.a, outcome.b):
        if side.connection is not None and not side.crashed:
            assert side.connection.tcb.state is State.CLOSED
            assert not len(side.connection.sendbuf)
            assert not side.connection.board
            assert not side.connection.reassembly.held
            assert not side.connection.recvbuf.size or side.gave_up
    assert outcome.link.total.oversized == 0 or "merge" in outcome.options["fault"]


def _failed(side: Side) -> bool:
    return side.connection is None or side.ending not in (None, Ending.NORMAL)
