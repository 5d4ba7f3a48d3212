"""Three hosts and the programs on them, as a state machine drives them: each call takes no time, but for `wait`."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from random import Random

from sim_holds import Observer, nothing_is_left, what_is_read_was_written

from pystack.link.entropy import random_bytes, stream
from pystack.link.faults import parse_faults
from pystack.link.impair import Impairments
from pystack.sim.link import Link
from pystack.sim.node import Node
from pystack.sim.simulation import Simulation
from pystack.sock.calls import Sock
from pystack.sock.constants import AF_INET, AF_INET6, SHUT_WR, WouldBlock
from pystack.stack.endpoint import Endpoint
from pystack.stack.errors import StackError
from pystack.tcp.connection import Connection
from pystack.tcp.state import State

HOUR = 3600 * 1_000_000_000
PORT = 80
NAMES = "a", "b", "c"
FAMILIES = AF_INET, AF_INET6
_RESTLESS = 500_000
"""So many steps in one wait: the network will never come to rest."""


@dataclass(frozen=True, kw_only=True)
class Layout:
    """What the network is. Each of the three links is as `impairments` says, which `faults` come before."""

    seed: int
    routed: bool
    """All three hosts hang on one router; else each on both others."""
    impairments: Impairments
    faults: str
    settings: dict
    """Those of each host."""


@dataclass(eq=False)
class App:
    """A program with one connection."""

    node: Node
    sock: Sock
    endpoint: Endpoint
    text: Random
    written: bytearray = field(default_factory=bytearray)
    got: bytearray = field(default_factory=bytearray)

    @property
    def connection(self) -> Connection:
        return self.endpoint.connection


class World:
    """`apps` are the programs that run, `failed` whether a property was found not to hold."""

    def __init__(self, layout: Layout) -> None:
        self.lab = lab = Simulation(layout.seed, buffers="poisoned")
        self._capture = BytesIO()
        lab.capture(self._capture)
        self.nodes = [
            lab.host(name, *self._addresses(number, moved=False), **layout.settings)
            for number, name in enumerate(NAMES, 1)
        ]
        self.links = list(self._cables(layout))
        self.apps: list[App] = []
        self.failed = False
        self._seed = layout.seed
        self._observer = Observer(lab, *self.nodes)
        self._by_endpoint: dict[Endpoint, App] = {}
        self._listeners: dict[Node, list[Sock]] = {}
        self._moved = dict.fromkeys(self.nodes, False)
        for node in self.nodes:
            self._listen(node)

    def _cables(self, layout: Layout) -> Iterator[Link]:
        a, b, c = self.nodes
        if layout.routed:
            router = self.lab.router("r", "10.0.0.99/24", "fd00::99/64")
            pairs = [(a, router), (b, router), (c, router)]
        else:
            pairs = [(a, b), (b, c), (c, a)]
        for one, other in pairs:
            faults = parse_faults(layout.faults) if layout.faults else ()
            yield self.lab.link(one, other, layout.impairments, faults=faults)

    @staticmethod
    def _addresses(number: int, moved: bool) -> tuple[str, str]:
        number += 100 * moved
        return f"10.0.0.{number}/24", f"fd00::{number}/64"

    # What programs do. Whatever errno there is may be: it is the network that is asked here, not the sockets.

    def connect(self, node: Node, to: Node, family: int) -> None:
        """A new program connects to the server of another host."""
        if node is to or not node.is_up:
            return
        sock = Sock(node.stack, family)
        address = next(address for address, _ in to.config.addresses if (len(address) == 4) == (family == AF_INET))
        with self._call(node):
            sock.connect(address, PORT, self.lab.clock.now)
        if sock.endpoint is not None:
            self._begin(node, sock, sock.endpoint)

    def accept(self, node: Node) -> None:
        """A server takes all that wait for it, each of which is a program of its own."""
        for listener in self._listeners.get(node, []):
            while True:
                accepted: Sock | WouldBlock = WouldBlock.READ
                with self._call(node):
                    accepted = listener.accept()
                if isinstance(accepted, WouldBlock):
                    break
                assert accepted.endpoint is not None
                self._begin(node, accepted, accepted.endpoint)

    def send(self, app: App, size: int) -> None:
        """It writes up to so many bytes."""
        data = random_bytes(app.text, size)
        with self._call(app.node):
            taken = app.sock.send(data)
            if not isinstance(taken, WouldBlock):
                app.written += data[:taken]

    def read(self, app: App, size: int) -> None:
        """It reads up to so many bytes, which have to be the next that its peer has written; and is told the end where
        the peer has ended, and there are no more.
        """
        at_end = False
        with self._call(app.node):
            data = app.sock.recv(size)
            if not isinstance(data, WouldBlock):
                app.got += data
                at_end = not data and size > 0 and app.connection.eof
        with self._judged():
            peer = self._peer(app)
            if app.got:
                assert peer is not None, "text from nobody"
            if peer is not None:
                what_is_read_was_written(app.got, peer.written)
                assert not at_end or app.got == peer.written, "the end, and there should be more"

    def shutdown(self, app: App) -> None:
        """It ends its side."""
        with self._call(app.node):
            app.sock.shutdown(SHUT_WR)

    def close(self, app: App, abort: bool) -> None:
        """It lets go, by a RST where it aborts."""
        if abort:
            app.sock.linger = 0
        with self._call(app.node):
            app.sock.close(self.lab.clock.now)
        self.apps.remove(app)

    # What the world does

    def crash(self, node: Node) -> None:
        """With all its programs."""
        node.crash()
        self.apps = [app for app in self.apps if app.node is not node]
        self._listeners.pop(node, None)

    def restart(self, node: Node) -> None:
        """Its server runs again."""
        if not node.is_up:
            node.restart()
            self._listen(node)

    def move(self, node: Node) -> None:
        """It gets other addresses, or those that it had."""
        self._moved[node] ^= True
        self.lab.set_addresses(node, *self._addresses(1 + self.nodes.index(node), self._moved[node]))

    def set_mtu(self, node: Node, mtu: int) -> None:
        """Its device takes packets of this size."""
        with self._judged():
            node.set_mtu(mtu)

    def wait(self, time: int) -> None:
        """Time goes on for so many nanoseconds."""
        steps = 0

        def look() -> bool:
            nonlocal steps
            steps += 1
            assert steps < _RESTLESS, "the network does not come to rest"
            self._observer.check()
            return False

        with self._judged():
            self.lab.run_until(look, time=self.lab.clock.now + time)
            self.check()

    # What holds

    def check(self) -> None:
        """Whenever nobody is in the middle of something."""
        with self._judged():
            self._observer.check()
            for app in self.apps:
                self._check_told(app)

    def _check_told(self, app: App) -> None:
        """What a socket says is acknowledged, the peer's TCP has."""
        acked = app.connection.info(self.lab.clock.now).bytes_acked
        end = self._observer.ends.get(app.endpoint)
        if end is None or end.peer is None:
            return
        assert acked <= len(app.written)
        tcb = end.peer.connection.tcb
        assert acked <= tcb.rcv.nxt - tcb.irs - 1 - end.peer.connection.eof, "told of more than has arrived"

    def end(self) -> None:
        """Everybody closes, what was cut heals, R2 passes: nothing is left."""
        for link in self.links:
            link.heal()
        for node in self.nodes:
            self.restart(node)
            for listener in self._listeners.pop(node):
                with self._call(node):
                    listener.close(self.lab.clock.now)
        for app in list(self.apps):
            self.close(app, abort=False)
        self.wait(4 * HOUR)
        with self._judged():
            for node in self.nodes:
                nothing_is_left(node.stack)
            stacks = [node.stack for node in self.nodes]
            for end in self._observer.ends.values():
                assert end.connection.state is State.CLOSED or end.host not in stacks
            assert self.lab.clock.next() is None, "something would still happen"

    def keep_capture(self) -> Path:
        """Writes what was sent so far to a file, and returns its name."""
        path = Path(tempfile.gettempdir()) / "pystack-properties.pcapng"
        path.write_bytes(self._capture.getvalue())
        return path

    # Within

    def _listen(self, node: Node) -> None:
        self._listeners[node] = []
        for family in FAMILIES:
            sock = Sock(node.stack, family)
            sock.bind(bytes(4 if family == AF_INET else 16), PORT)
            sock.listen(3)
            self._listeners[node].append(sock)

    def _begin(self, node: Node, sock: Sock, endpoint: Endpoint) -> None:
        app = App(node, sock, endpoint, stream(self._seed, "text", str(len(self._by_endpoint))))
        self._by_endpoint[endpoint] = app
        self.apps.append(app)

    def _peer(self, app: App) -> App | None:
        end = self._observer.ends.get(app.endpoint)
        return None if end is None or end.peer is None else self._by_endpoint.get(end.peer.endpoint)

    @contextmanager
    def _call(self, node: Node) -> Iterator[None]:
        """A call of a program, which may be refused."""
        with self._judged():
            try:
                yield
            except (OSError, StackError):
                pass
            node.settle()

    @contextmanager
    def _judged(self) -> Iterator[None]:
        try:
            yield
        except Exception:
            self.failed = True
            raise
