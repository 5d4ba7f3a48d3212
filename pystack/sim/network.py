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

from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

from pystack.link.impair import Impairments
from pystack.sim.clock import Clock
from pystack.sim.link import PERFECT, Link
from pystack.sim.node import Node
from pystack.stack.config import Config
from pystack.wire.packet import Packet

Tap: TypeAlias = Callable[[int, str, Packet], None]
"""Sees each packet that a host sends: the time, the host's name, and the packet before any impairment."""


class Network:
    """Some hosts, the links between them, and the time."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.clock = Clock()
        self.taps: list[Tap] = []
        self._links: dict[str, list[Link]] = {}
        self._nodes: dict[str, Node] = {}

    def host(self, name: str, config: Config) -> Node:
        """A new host. Raises `ValueError` for a name that is taken: it is a part of the seed."""
        if name in self._nodes:
            raise ValueError(f"there is a host {name} already")
        node = self._nodes[name] = Node(self.seed, self.clock, name, config, self.on_sent)
        self._links[name] = []
        return node

    def link(self, a: Node, b: Node, impairments: Impairments = PERFECT, mtu: int = 0xFFFF) -> Link:
        """A new link between two hosts."""
        both = replace(impairments, mtu=mtu)
        link = Link(self.seed, self.clock, (a, b), both, both)
        for end in link.ends:
            self._links[end.name].append(link)
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
        for link in self._links[node.name]:
            if link.other(node).stack.routes.is_own(destination):
                link.send(node, data)
                return
