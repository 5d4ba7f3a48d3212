"""Hosts and links on one virtual clock.

    lab = Network(seed=7)
    a = lab.host("a", Config(addresses=((bytes([10, 0, 0, 1]), 24),)))
    b = lab.host("b", Config(addresses=((bytes([10, 0, 0, 2]), 24),)))
    link = lab.link(a, b, Impairments(loss=0.01, delay=20_000_000))
    b.run(server(b))
    a.run(client(a))
    lab.run_until(lambda: ...)

The same seed gives the same packets, to the byte: everything random comes from streams that are keyed by the seed, by
who draws and by what for, and whatever happens at the same time happens in the order in which it was caused.
"""

from collections.abc import Callable, Generator
from functools import partial
from typing import TypeAlias

from pystack.sim.clock import Clock
from pystack.sim.entropy import random_bytes, stream
from pystack.sim.faults import Impairments
from pystack.sock.dispatch import dispatch
from pystack.stack.config import Config
from pystack.stack.host import Host
from pystack.wire.packet import Packet

Application: TypeAlias = Generator[int | None, None, None]
"""A program on a simulated host. It calls the host's `stack` and yields to wait: None for the next event of its host,
a number for that many nanoseconds."""

Tap: TypeAlias = Callable[[int, str, Packet], None]
"""Sees each packet that a host sends: the time, the host's name, and the packet before any impairment."""

PERFECT = Impairments()
"""Instant, and nothing is ever lost."""


class Node:
    """One simulated host: `stack` is the host itself. Made by `Network.host`."""

    def __init__(self, network: "Network", name: str, config: Config) -> None:
        self.name = name
        self.stack = Host(config, partial(random_bytes, stream(network.seed, name, "entropy")))
        self.links: list[Link] = []
        self._network = network
        self._clock = network.clock
        self._waiting: list[Application] = []
        self._armed: int | None = None

    @property
    def now(self) -> int:
        """The time, in nanoseconds."""
        return self._clock.now

    def run(self, application: Application) -> None:
        """Starts a program; its first step is taken when time goes on."""
        self._clock.call_at(self._clock.now, partial(self._resume, application))

    def receive(self, packet: bytes) -> None:
        """A packet has arrived."""
        self.stack.receive(packet, self._clock.now)
        self.settle()

    def settle(self) -> None:
        """Sends what is due, wakes sockets and programs where something has happened, and sees to the next deadline. To
        be called after each call on `stack` from outside of a program.
        """
        stack, clock = self.stack, self._clock
        happened = False
        while True:
            while (packet := stack.poll_transmit(clock.now)) is not None:
                self._network.on_sent(self, packet)
            if not dispatch(stack):
                break
            happened = True  # and the sockets that were woken may have something to send
        if happened:
            waiting, self._waiting = self._waiting, []
            for application in waiting:
                clock.call_at(clock.now, partial(self._resume, application))
        deadline = stack.next_deadline()
        if deadline is not None and (self._armed is None or deadline < self._armed):
            self._armed = deadline
            clock.call_at(deadline, partial(self._on_deadline, deadline))

    def _resume(self, application: Application) -> None:
        try:
            wait = next(application)
        except StopIteration:
            pass
        else:
            if wait is None:
                self._waiting.append(application)
            else:
                self._clock.call_at(self._clock.now + wait, partial(self._resume, application))
        self.settle()

    def _on_deadline(self, deadline: int) -> None:
        if self._armed == deadline:
            self._armed = None
        self.stack.on_deadline(self._clock.now)
        self.settle()


class Link:
    """A cable between two hosts, the same in both directions. `sent`, `lost` and `oversized` count packets; what is
    larger than `mtu` bytes is dropped.
    """

    def __init__(self, network: "Network", ends: tuple[Node, Node], impairments: Impairments, mtu: int) -> None:
        self.ends = ends
        self.impairments = impairments
        self.mtu = mtu
        self.sent = 0
        self.lost = 0
        self.oversized = 0
        self._clock = network.clock
        self._is_cut = False
        names = ends[0].name, ends[1].name
        self._random = {n: stream(network.seed, *names, "from", n) for n in names}
        self._last_arrival = dict.fromkeys(names, 0)

    def other(self, node: Node) -> Node:
        """The node at the other end."""
        a, b = self.ends
        return b if node is a else a

    def cut(self) -> None:
        """From now on nothing gets through; what is under way still arrives."""
        self._is_cut = True

    def heal(self) -> None:
        """Ends a `cut`."""
        self._is_cut = False

    def send(self, node: Node, packet: bytes) -> None:
        """Takes a packet from one end to the other, or not."""
        generator, impairments = self._random[node.name], self.impairments
        self.sent += 1
        if len(packet) > self.mtu:
            self.oversized += 1
            return
        # Drawn in any case, so that a cut does not change the fate of the packets after it.
        copies = impairments.copies(generator)
        if self._is_cut or not copies:
            self.lost += 1
            return
        for _ in range(copies):
            jitter = int(generator.random() * impairments.jitter)
            arrival = max(self._clock.now + impairments.delay + jitter, self._last_arrival[node.name])
            self._last_arrival[node.name] = arrival
            arrival += impairments.lateness(generator)
            self._clock.call_at(arrival, partial(self.other(node).receive, impairments.damaged(packet, generator)))


class Network:
    """Some hosts, the links between them, and the time."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.clock = Clock()
        self.taps: list[Tap] = []
        self._nodes: dict[str, Node] = {}

    def host(self, name: str, config: Config) -> Node:
        """A new host. Raises `ValueError` for a name that is taken: it is a part of the seed."""
        if name in self._nodes:
            raise ValueError(f"there is a host {name} already")
        node = self._nodes[name] = Node(self, name, config)
        return node

    def link(self, a: Node, b: Node, impairments: Impairments = PERFECT, mtu: int = 0xFFFF) -> Link:
        """A new link between two hosts."""
        link = Link(self, (a, b), impairments, mtu)
        a.links.append(link)
        b.links.append(link)
        return link

    def run_until(self, condition: Callable[[], bool] | None = None, *, time: int | None = None) -> bool:
        """Lets time go on until `condition` holds (looked at after each step), `time` has come, or nothing more will
        ever happen. Returns whether the condition held.
        """
        clock = self.clock
        while condition is None or not condition():
            upcoming = clock.next()
            if upcoming is None or (time is not None and upcoming > time):
                if time is not None:
                    clock.skip_to(time)
                return False
            clock.step()
        return True

    def on_sent(self, node: Node, packet: Packet) -> None:
        """A host has sent a packet: it goes to the neighbour that has the destination's address, else nowhere."""
        for tap in self.taps:
            tap(self.clock.now, node.name, packet)
        data = bytes(packet)
        destination = data[16:20] if data[0] >> 4 == 4 else data[24:40]
        for link in node.links:
            if link.other(node).stack.routes.is_own(destination):
                link.send(node, data)
                return
