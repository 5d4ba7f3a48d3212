"""A simulated host that passes on the packets of others."""

from collections.abc import Callable

from pystack.ip.forward import Expired, TooBig, forward
from pystack.sim.clock import Clock
from pystack.sim.link import Link
from pystack.sim.node import Buffers, Node
from pystack.stack.config import Config
from pystack.wire import ipv4, ipv6
from pystack.wire.errors import Malformed
from pystack.wire.packet import Packet


class Router(Node):
    """A host between links. It counts hops, cuts or refuses what is too large for the next link, and says so by ICMP
    from its own addresses; of these it is a host as any other, and can be pinged. Made by `Simulation.router`.

    What waits for a link waits in the link's own queue.
    """

    def __init__(
        self,
        seed: int,
        clock: Clock,
        name: str,
        config: Config,
        send: Callable[[Node, Packet], None],
        buffers: Buffers,
        next_link: Callable[[Node, bytes], Link | None],
    ) -> None:
        super().__init__(seed, clock, name, config, send, buffers)
        self._next_link = next_link

    def take(self, packet: bytes) -> None:
        """Ours is the host's; everything else goes on, or its sender is told why not."""
        try:
            is_v4 = packet[0] >> 4 == ipv4.VERSION
            header = ipv4.parse(packet) if is_v4 else ipv6.parse(packet)
        except (Malformed, IndexError):
            return super().take(packet)  # which counts it
        routes, count, errors = self.stack.routes, self.stack.metrics.count, self.stack.ip.errors
        if routes.is_own(header.dst) or not routes.is_unicast(header.dst) or not routes.is_source(header.src):
            return super().take(packet)
        link = self._next_link(self, header.dst)
        try:
            if link is None:
                forward(packet, len(packet))  # a packet that has no hop left is told that, wherever it wants to go
                count("IpOutNoRoutes" if is_v4 else "Ip6OutNoRoutes")
                errors.no_route(packet, header.src, header.dst, self.now)
                return None
            for onward in forward(packet, link.mtu):
                count("IpForwDatagrams" if is_v4 else "Ip6OutForwDatagrams")
                link.send(self, onward)
        except Expired:
            errors.hops_exceeded(packet, header.src, header.dst, self.now)
        except TooBig as reason:
            errors.too_big(packet, header.src, header.dst, reason.mtu, self.now)
        return None
