"""A cable between two simulated hosts."""

from functools import partial
from typing import Final

from pystack.link.impair import Impairments
from pystack.sim.clock import Clock
from pystack.sim.entropy import stream
from pystack.sim.node import Node

PERFECT: Final = Impairments()
"""Instant, and nothing is ever lost."""


class Link:
    """A cable between two hosts, the same in both directions. `sent`, `lost` and `oversized` count packets; what is
    larger than `mtu` bytes is dropped.
    """

    def __init__(self, seed: int, clock: Clock, ends: tuple[Node, Node], impairments: Impairments, mtu: int) -> None:
        self.ends = ends
        self.impairments = impairments
        self.mtu = mtu
        self.sent = 0
        self.lost = 0
        self.oversized = 0
        self._clock = clock
        self._is_cut = False
        names = ends[0].name, ends[1].name
        self._random = {n: stream(seed, *names, "from", n) for n in names}
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
