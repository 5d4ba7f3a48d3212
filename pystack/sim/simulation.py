"""Hosts and links on one virtual clock, without a loop, a thread or a file: time goes on when it is told to.

    lab = Simulation(seed=7)
    a, b = lab.host("a", "10.0.0.1"), lab.host("b", "10.0.0.2")
    link = lab.link(a, b, loss=0.01, delay="20 ms")
    b.run(server(b))
    a.run(client(a))
    lab.run_until(lambda: ...)

The same seed gives the same packets, to the byte: everything random comes from streams that are keyed by the seed, by
who draws and by what for, and whatever happens at the same time happens in the order in which it was caused.
"""

from collections.abc import Callable, Iterable, Mapping
from hashlib import blake2b
from typing import Any, BinaryIO, TypeAlias

from pystack.link.crossing import Fault
from pystack.link.faults import parse_faults
from pystack.link.impair import Impairments
from pystack.link.pcapng import PcapngWriter
from pystack.sim.clock import Clock
from pystack.sim.link import Link
from pystack.sim.node import Buffers, Node
from pystack.sim.router import Router
from pystack.sim.settings import config_of, packed
from pystack.sim.topology import Topology
from pystack.stack.config import Config
from pystack.wire.packet import Packet

Tap: TypeAlias = Callable[[int, str, Packet], None]
"""Sees each packet that a host sends: the time, the host's name, and the packet before any impairment."""


class Simulation:
    """Some hosts, the links between them, and the time. `unroutable` counts packets for which there was no way.

    `buffers` are what hosts get packets in: `"poisoned"` ones find whoever keeps what is not theirs.
    """

    def __init__(self, seed: int = 0, *, buffers: Buffers = "own") -> None:
        self.seed = seed
        self.clock = Clock()
        self.taps: list[Tap] = []
        self.unroutable = 0
        self._topology = Topology()
        self._buffers = buffers
        self._hash = blake2b(digest_size=16)

    def host(self, name: str, *addresses: str, config: Config | None = None, **settings: Any) -> Node:
        """A new host with these addresses, each with or without the prefix length of its network. `settings` are those
        of `pystack.sim.settings.config_of`; a whole `config` takes the place of both. Raises `ValueError` for a name
        that is taken, since it is a part of the seed, and `ValueError` or `TypeError` as that does.
        """
        node = Node(self.seed, self.clock, name, config or config_of(addresses, settings), self.on_sent, self._buffers)
        self._topology.add_node(node)
        return node

    def router(self, name: str, *addresses: str, **settings: Any) -> Router:
        """A new host that passes on packets between its links. It needs an address of a family to tell a sender of
        that family why a packet went no further.
        """
        config = config_of(addresses, settings)
        router = Router(self.seed, self.clock, name, config, self.on_sent, self._buffers, self._topology.next_link)
        self._topology.add_node(router)
        return router

    def link(
        self,
        a: Node,
        b: Node,
        forward: Impairments | None = None,
        *,
        back: Impairments | Mapping[str, object] | None = None,
        faults: Iterable[Fault] | str = (),
        **values: object,
    ) -> Link:
        """A new link between two hosts. What it does to packets from `a` to `b` is said by `forward`, or by `values` as
        `Impairments.of` takes them (`rate="20 Mbit/s"`); what it does to those from `b` to `a` by `back`, which of
        values needs only those that differ. `faults` are done to chosen packets before, values or how the command line
        writes them, for which `a` is the stack: `"out:drop=syn#1"` is what `a` sends. Raises `ValueError`.
        """
        if forward is None:
            forward = Impairments.of(**values)
        elif values:
            raise ValueError("forward says all of it: values cannot be beside it")
        if back is None:
            back = forward
        elif not isinstance(back, Impairments):
            back = Impairments.of(**{**values, **back})
        if isinstance(faults, str):
            faults = parse_faults(faults)
        link = Link(self.seed, self.clock, (a, b), forward, back, faults)
        self._topology.add_link(link)
        return link

    def set_addresses(self, node: Node, *addresses: str) -> None:
        """A host gets these addresses in the place of those that it had. Raises `ValueError`."""
        node.set_addresses(packed(addresses))
        self._topology.forget()

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

    @property
    def digest(self) -> str:
        """A hash of all that the hosts have sent, and when: the same for the same run."""
        return self._hash.hexdigest()

    def capture(self, file: BinaryIO) -> None:
        """Records every packet that a host sends from now on, in the pcapng format; the comment of each says who and
        why. The time of the simulation's beginning is shown as that of 1970.
        """
        writer = PcapngWriter(file, "pystack.sim")
        self.taps.append(
            lambda now, name, packet: writer.write(
                packet.pieces, now, outbound=True, comment=f"{name}: {packet.reason}"
            )
        )

    def on_sent(self, node: Node, packet: Packet) -> None:
        """A host has sent a packet: it goes the shortest way to whoever has the destination's address, else nowhere."""
        for tap in self.taps:
            tap(self.clock.now, node.name, packet)
        data = bytes(packet)
        self._hash.update(b"%d %b " % (self.clock.now, node.name.encode()) + data)
        destination = data[16:20] if data[0] >> 4 == 4 else data[24:40]
        link = self._topology.next_link(node, destination)
        if link is None:
            self.unroutable += 1
        else:
            link.send(node, data)
