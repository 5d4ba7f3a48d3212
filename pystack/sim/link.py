"""A cable between two simulated hosts."""

from functools import partial
from typing import Final

from pystack.link.entropy import stream
from pystack.link.impair import Impairments, Passage
from pystack.sim.clock import Clock
from pystack.sim.node import Node

PERFECT: Final = Impairments()
"""Instant, and nothing is ever lost."""


class Link:
    """A cable between two hosts, the same in both directions. `sent`, `lost` and `oversized` count packets; what is
    larger than `mtu` bytes is dropped.
    """

    def __init__(self, seed: int, clock: Clock, ends: tuple[Node, Node], impairments: Impairments, mtu: int) -> None:
        self.ends = ends
        self.mtu = mtu
        self.sent = 0
        self.lost = 0
        self.oversized = 0
        self._clock = clock
        self._is_cut = False
        names = ends[0].name, ends[1].name
        self._passages = {n: Passage(impairments, partial(stream, seed, *names, "from", n)) for n in names}

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
        self.sent += 1
        if len(packet) > self.mtu:
            self.oversized += 1
            return
        # Asked in any case, so that a cut does not change the fate of the packets after it.
        arrivals = self._passages[node.name].take(packet, self._clock.now)
        if self._is_cut or not arrivals:
            self.lost += 1
            return
        for at, arrived in arrivals:
            self._clock.call_at(at, partial(self.other(node).receive, arrived))
