"""One transfer between two simulated hosts, with everything that can be varied, and what must hold at each step."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any
from unittest.mock import patch

from pystack.link.entropy import random_bytes, stream
from pystack.link.impair import Impairments
from pystack.sim.invariants import check_connection
from pystack.sim.link import Link
from pystack.sim.node import Application, Node
from pystack.sim.simulation import Simulation
from pystack.stack.config import Config
from pystack.stack.endpoint import Endpoint
from pystack.stack.host import Host
from pystack.stack.timewait import TimeWait
from pystack.tcp.config import TcpConfig
from pystack.tcp.connection import Connection
from pystack.tcp.events import Ending
from pystack.tcp.seq import unwrap
from pystack.tcp.state import SYNCHRONIZED, State
from pystack.wire import ipv4, ipv6, tcp
from pystack.wire.packet import Packet
from pystack.wire.tcp import FIN, RST, SYN

MS = 1_000_000
SECOND = 1_000_000_000
PORT = 80
PATIENCE = 3000 * SECOND
"""After this long without progress an application gives up; longer than R2."""

Options = dict[str, Any]

OPTIONS: dict[str, list[Any]] = {
    "family": [4, 6],
    "loss": [0.0, 0.01, 0.05, 0.2],
    "reorder": [0.0, 0.05, 0.3],
    "duplicate": [0.0, 0.05, 0.3],
    "corrupt": [0.0, 0.0, 0.03],
    "delay": [0, 1 * MS, 20 * MS, 300 * MS],
    "jitter": [0, 5 * MS, 50 * MS],
    "sack": [True, True, False],
    "timestamps": [True, True, False],
    "window_scaling": [True, True, False],
    "peer_plain": [False, False, True],
    "mtu_a": [1500, 576, 1280, 9000],
    "mtu_b": [1500, 576, 1280, 9000],
    "rcvbuf_a": [1 << 20, 2048, 16384, 65536],
    "rcvbuf_b": [1 << 20, 2048, 16384, 65536],
    "sndbuf": [1 << 20, 2048, 20000],
    "nodelay": [False, True],
    "iss_gap": [None, 1, 700, 30000],
    "size_a": [60_000, 0, 1, 1460, 20_000, 300_000],
    "size_b": [60_000, 0, 1, 1460, 20_000, 300_000],
    "chunk": [100_000, 3000, 500],
    "read": [100_000, 5000, 700],
    "read_pause": [0, 0, 0, 50 * MS, 3 * SECOND],
    "write_pause": [0, 0, 0, 30 * MS],
    "early_close": [False, False, False, True],
    "abort_at": [None, None, None, None, 100 * MS, 2 * SECOND],
    "cut_at": [None, None, None, None, None, 150 * MS, 3 * SECOND],
}
"""What each of these may be; the first is the plain case."""


def seeded_options(seed: int) -> Options:
    """One choice of each, by a seed."""
    generator = stream(seed, "options")
    return {name: values[int(generator.random() * len(values))] for name, values in OPTIONS.items()}


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
    digest: bytes


def _connections(stack: Host) -> list[Endpoint | TimeWait]:
    """All of a host, those in TIME-WAIT too."""
    return [*stack.endpoints(), *stack.connections.time_waits.values()]


def _mtu(o: dict, name: str) -> int:
    """IPv6 needs links of 1280 bytes (RFC 8200 section 5)."""
    return max(o["mtu_" + name], 1280) if o["family"] == 6 else o["mtu_" + name]


def run(seed: int, options: Options) -> Outcome:
    """Runs one scenario to its end, and checks the invariants at each step."""
    o = options
    lab = Simulation(seed)
    configs = [_config(o, "a", False), _config(o, "b", o["peer_plain"])]
    a, b = lab.host("a", config=configs[0]), lab.host("b", config=configs[1])
    keys = "loss", "delay", "jitter", "reorder", "duplicate", "corrupt"
    # A path takes what the smaller of the two MTUs lets through; the MSS option sees to the rest.
    mtu = min(_mtu(o, "a"), _mtu(o, "b"))
    link = lab.link(a, b, Impairments(**{k: o[k] for k in keys}, mtu=mtu))
    generator = stream(seed, "data")
    side_a = Side("a", random_bytes(generator, o["size_a"]))
    side_b = Side("b", random_bytes(generator, o["size_b"]))
    watch = Watch(lab, a, b)
    hashed = blake2b(digest_size=16)

    def note(now: int, name: str, packet: Packet) -> None:
        hashed.update(f"{now} {name} ".encode() + bytes(packet))

    lab.taps.append(note)
    a.run(_client(a, b, side_a, o))
    b.run(_server(b, side_b, o))
    if o["cut_at"] is not None:
        lab.clock.call_at(o["cut_at"], link.cut)

    def over() -> bool:
        watch.check()
        return side_a.finished and side_b.finished and not any(_connections(node.stack) for node in (a, b))

    with _initial_numbers(o["iss_gap"]):
        ended = lab.run_until(over, time=20_000 * SECOND)
    assert ended, ("never ends", side_a.ending, side_b.ending, _connections(a.stack), _connections(b.stack))
    return Outcome(o, side_a, side_b, link, (a, b), lab.clock.now, hashed.digest())


def _config(o: Options, name: str, plain: bool) -> Config:
    host = 1 if name == "a" else 2
    address = bytes([10, 0, 0, host]) if o["family"] == 4 else bytes([0xFD, *bytes(14), host])
    return Config(
        addresses=((address, 24 if o["family"] == 4 else 64),),
        mtu=_mtu(o, name),
        tcp=TcpConfig(
            sack=o["sack"] and not plain,
            timestamps=o["timestamps"] and not plain,
            window_scaling=o["window_scaling"] and not plain,
            rcvbuf=o["rcvbuf_" + name],
            sndbuf=o["sndbuf"],
            nodelay=o["nodelay"],
        ),
    )


@contextmanager
def _initial_numbers(gap: int | None) -> Iterator[None]:
    """Has all sequence numbers start `gap` before the wrap; None: as the stack chooses."""
    if gap is None:
        yield
        return
    with patch("pystack.stack.connections.initial_sequence_number", lambda secret, key, now: 2**32 - gap):
        yield


def _client(node: Node, peer: Node, side: Side, o: Options) -> Application:
    endpoint = node.stack.connect(peer.stack.config.addresses[0][0], PORT, 0)
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


class Watch:
    """The invariants of every step."""

    def __init__(self, lab: Simulation, a: Node, b: Node) -> None:
        self._lab = lab
        self._nodes = {"a": a, "b": b}
        self._edges: dict[tuple[str, int], int] = {}
        lab.taps.append(self._packet)

    def check(self) -> None:
        """After a step of the network."""
        now = self._lab.clock.now
        connections: dict[str, Connection] = {}
        for name, node in self._nodes.items():
            upcoming = node.stack.next_deadline()
            assert upcoming is None or upcoming >= now
            for endpoint in node.stack.endpoints():
                connections[name] = endpoint.connection
                check_connection(endpoint.connection, now)
        if len(connections) == 2:
            _check_right_edge(connections["a"], connections["b"])
            _check_right_edge(connections["b"], connections["a"])

    def _packet(self, now: int, name: str, packet: Packet) -> None:
        """As a packet leaves."""
        node = self._nodes[name]
        data = memoryview(bytes(packet))
        header = ipv4.parse(data) if data[0] >> 4 == 4 else ipv6.parse(data)
        if packet.reason == "icmp-error":
            return  # about a packet that was damaged on its way
        seg = tcp.parse(header.payload, None)
        assert len(data) <= node.stack.config.mtu, (len(data), seg, packet.reason)
        found = [e for e in node.stack.endpoints() if (e.local_port, e.remote_port) == (seg.src_port, seg.dst_port)]
        if not found or seg.flags & RST:
            return
        connection = found[0].connection
        if not seg.flags & SYN:
            # SHLD-14, as the wire shows it: what was offered once stays offered.
            edge = unwrap(seg.ack, connection.tcb.rcv.nxt) + (seg.wnd << connection.agreed.rcv_wscale)
            key = name, found[0].id
            assert edge >= self._edges.get(key, edge), ("the window's right edge moved left", seg)
            self._edges[key] = edge
        if packet.reason == "data" and connection.board:
            # One packet at a time: with this one the flight may fill the window, never exceed it (RFC 5681 3.1). A FIN
            # that rides on a full packet counts as one more, and needs no room of its own.
            room = connection.cc.cwnd + bool(seg.flags & FIN)
            assert connection.board.in_flight <= room, ("beyond the congestion window", seg)


def _check_right_edge(sender: Connection, receiver: Connection) -> None:
    if sender.tcb.state in SYNCHRONIZED and receiver.tcb.state in SYNCHRONIZED:
        furthest = receiver.tcb.rcv.nxt + receiver.tcb.rcv.wnd
        assert sender.tcb.snd.nxt <= furthest, "sent beyond the furthest window ever offered"


def assert_all_or_error(outcome: Outcome) -> None:
    """Every byte arrives once and in order, or both sides get an error."""
    pairs = (outcome.a, outcome.b), (outcome.b, outcome.a)
    for sender, receiver in pairs:
        assert sender.sends.startswith(receiver.got), "not a prefix of what was sent"
        if receiver.got == sender.sends:
            continue
        story = sender.ending, receiver.ending, len(receiver.got), len(sender.sends)
        if not receiver.gave_up:
            assert _failed(receiver), ("the receiver took a part for the whole", *story)
            assert _failed(sender) or sender.gave_up, ("the sender took a part for the whole", *story)
    for node in outcome.nodes:
        assert not _connections(node.stack)
        assert node.stack.next_deadline() is None
    for side in (outcome.a, outcome.b):
        if side.connection is not None:
            assert side.connection.tcb.state is State.CLOSED
            assert not len(side.connection.sendbuf)
            assert not side.connection.board
            assert not side.connection.reassembly.held
            assert not side.connection.recvbuf.size or side.gave_up
    assert outcome.link.total.oversized == 0


def _failed(side: Side) -> bool:
    return side.connection is None or side.ending not in (None, Ending.NORMAL)
