"""A simulated host as trio programs see it: a stack of its own, which can crash, start again and move."""

import errno
from collections.abc import Awaitable, Callable
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, TypeVar

import trio

from pystack.net.driver import Driver
from pystack.net.stack import Net
from pystack.sim import here
from pystack.sim.node import Node

if TYPE_CHECKING:
    from pystack.sim.network import Network

T = TypeVar("T")


class HostCrashed(Exception):
    """The host on which a program ran has crashed."""


class Host(Net):
    """One host of a `Network`, with everything that a `pystack.Net` has: sockets, streams, listeners. `node` is the
    host as the plain simulation knows it. Made by `Network.host` and `Network.router`.
    """

    def __init__(self, lab: "Network", node: Node) -> None:
        super().__init__(SimulatedDriver(lab, node))
        self.name = node.name
        self.node = node
        self._lab = lab
        self._programs: list[trio.CancelScope] = []

    def __repr__(self) -> str:
        return f"<pystack.sim host {self.name}{'' if self.node.is_up else ', down'}>"

    # Programs

    async def run(self, program: Callable[..., Awaitable[T]], *args: Any) -> T:
        """Runs any trio program on this host: all that it opens by trio's own functions, or those of libraries on top
        of them, is this host's. Raises `HostCrashed` where the host crashes, which cancels the program.
        """
        if not self.node.is_up:
            raise HostCrashed(f"{self.name} is down")
        with trio.CancelScope() as scope, here.on(self):
            self._programs.append(scope)
            try:
                return await program(*args)
            finally:
                self._programs.remove(scope)
        raise HostCrashed(f"{self.name} has crashed")

    def start_soon(self, program: Callable[..., Awaitable[object]], *args: Any) -> None:
        """Starts a trio program on this host in the background: until it ends, the host crashes or the network is left.
        What it raises, the network raises.
        """
        self._lab.nursery.start_soon(self._run_quietly, program, args, name=f"{self.name}: {program!r}")

    async def _run_quietly(self, program: Callable[..., Awaitable[object]], args: tuple[Any, ...]) -> None:
        try:
            await self.run(program, *args)
        except HostCrashed:
            pass

    # Bad days

    def crash(self) -> None:
        """The power fails: programs are cancelled, sockets raise ENETDOWN, and no peer is told anything."""
        if self.node.is_up:
            self.node.crash()
            self._simulated.lose(OSError(errno.ENETDOWN, f"{self.name} has crashed"))
            for scope in self._programs:
                scope.cancel()

    def restart(self) -> None:
        """Starts the host again after a `crash`. It knows of no connection of before: their peers get a RST when they
        next speak. Programs have to be started anew.
        """
        if not self.node.is_up:
            self.node.restart()
            self._driver = SimulatedDriver(self._lab, self.node)

    def set_addresses(self, *addresses: str) -> None:
        """The host moves: it has these addresses in the place of those of before. Its connections go on speaking from
        where they were, as Linux's do, and hear nothing. Raises `ValueError`.
        """
        self._lab.simulation.set_addresses(self.node, *addresses)

    async def close_in_order(self, grace: float) -> None:
        """Closes all sockets, and waits for at most `grace` seconds until the peers have acknowledged that."""
        await self._driver.close_in_order(grace)

    # Names

    def resolve(self, name: str) -> list[str]:
        """The numeric addresses of a host's name that this host has a family in common with; empty: there is none."""
        own = {4: "127.0.0.1", 6: "::1"}
        versions = {address.version for address in self.addresses}
        if name.lower() in ("localhost", ""):
            return [own[version] for version in sorted(versions)]
        host = self._lab.find(name)
        return [] if host is None else [str(each) for each in host.addresses if each.version in versions]

    def name_of(self, address: str) -> str | None:
        """The name of the host that has a numeric address."""
        wanted = ip_address(address)
        return next((host.name for host in self._lab.hosts if wanted in host.addresses), None)

    @property
    def _simulated(self) -> "SimulatedDriver":
        assert isinstance(self._driver, SimulatedDriver)
        return self._driver


class SimulatedDriver(Driver):
    """Drives the stack of one life of a host."""

    def __init__(self, lab: "Network", node: Node) -> None:
        super().__init__(node.stack, node.name, lab.catch_up)
        self._lab = lab
        self._node = node
        node.on_change = self._has_changed

    def flush(self) -> None:
        if self.lost is None:
            self._lab.catch_up()
            self._node.settle()
            self._lab.set_alarm()

    def lose(self, error: OSError) -> None:
        """The host is down."""
        self._lose(error)
