"""Which way packets go through the links of a simulation: the fewest hops, over routers only."""

from collections import deque

from pystack.sim.link import Link
from pystack.sim.node import Node
from pystack.sim.router import Router


class Topology:
    """The nodes, by name, and the links between them. Routes are found anew after each change; a link that is cut
    stays in them, as a cable that is broken somewhere far away does.
    """

    def __init__(self) -> None:
        self.nodes: dict[str, Node] = {}
        self._links: dict[str, list[Link]] = {}
        self._next: dict[tuple[str, str], Link | None] = {}
        self._owners: dict[bytes, str] = {}

    def add_node(self, node: Node) -> None:
        """One more node, without links. Raises `ValueError` for a name that is taken."""
        if node.name in self.nodes:
            raise ValueError(f"there is a host {node.name} already")
        self.nodes[node.name] = node
        self._links[node.name] = []
        self.forget()

    def add_link(self, link: Link) -> None:
        """One more link between two of the nodes."""
        for end in link.ends:
            self._links[end.name].append(link)
        self.forget()

    def forget(self) -> None:
        """A node or link is new, or an address has changed."""
        self._next.clear()
        self._owners = {
            address: node.name
            for node in reversed(self.nodes.values())  # of two with one address, the first has it
            for address, _ in node.config.addresses
        }

    def next_link(self, node: Node, destination: bytes) -> Link | None:
        """The link by which `node` sends a packet for this address; None: there is no way."""
        owner = self._owners.get(destination)
        if owner is None:
            return None
        key = node.name, owner
        if key not in self._next:
            self._next[key] = self._find(node.name, owner)
        return self._next[key]

    def _find(self, start: str, end: str) -> Link | None:
        """The first link of the shortest way; of ways with as many hops, the one whose links were made first."""
        seen = {start}
        found = deque((link.other(self.nodes[start]), link) for link in self._links[start])
        while found:
            node, first = found.popleft()
            if node.name in seen:
                continue
            if node.name == end:
                return first
            seen.add(node.name)
            if isinstance(node, Router):
                found.extend((link.other(node), first) for link in self._links[node.name])
        return None
