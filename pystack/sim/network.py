"""Hosts and links on one virtual clock, for trio programs.

async def main():
    async with pystack.sim.Network(seed=7) as lab:
        a, b = lab.host("a", "10.0.0.1"), lab.host("b", "10.0.0.2", congestion="newreno")
        lab.link(a, b, rate="20 Mbit/s", delay="40 ms", queue="64 packets", loss=0.01)
        b.start_soon(server)
        await a.run(client)

pystack.sim.run(main, seed=7)
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self, TypeVar

import trio
import trio.testing

from pystack.sim import determinism, here
from pystack.sim.host import Host
from pystack.sim.link import Link
from pystack.sim.node import Buffers
from pystack.sim.simulation import Simulation
from pystack.sim.timekeeper import Timekeeper

T = TypeVar("T")


def run(program: Callable[..., Awaitable[T]], *args: Any, seed: int = 0) -> T:
    """`trio.run` in virtual time: it jumps to whatever happens next, and the order of what happens at once depends on
    `seed` alone (`pystack.sim.determinism`).
    """
    with determinism.seeded_scheduling(seed):
        return trio.run(program, *args, clock=trio.testing.MockClock(autojump_threshold=0))


class Network:
    """A network of simulated hosts. `seed` decides all that is random; `capture` gets every packet that a host sends,
    in the pcapng format: a file, or the path of one to write anew; for `buffers` see `Simulation`.

    `async with` it: in there time goes on, at the pace of trio's clock, and tasks have the sockets and names of the
    host that they run on (`Host.run`, `Host.start_soon`). Leaving normally ends the programs that `start_soon` has
    started, closes every socket and waits for at most `grace` seconds until the peers have acknowledged that; leaving
    by an exception resets.
    """

    def __init__(
        self,
        seed: int = 0,
        *,
        capture: BinaryIO | Path | None = None,
        buffers: Buffers = "own",
        grace: float = 2.0,
    ) -> None:
        self.simulation = Simulation(seed, buffers=buffers)
        self.hosts: list[Host] = []
        self._names: dict[str, Host] = {}
        self._grace = grace
        self._files = ExitStack()
        self._running = AsyncExitStack()
        self._nursery: trio.Nursery | None = None
        self._time: Timekeeper | None = None
        self._why_not = ""
        """Why the run that the network was entered in cannot be repeated."""
        if isinstance(capture, Path):
            capture = self._files.enter_context(capture.open("wb"))
        if capture is not None:
            self.simulation.capture(capture)

    # What there is

    @property
    def seed(self) -> int:
        """What all randomness comes from."""
        return self.simulation.seed

    @property
    def digest(self) -> str:
        """A hash of all that the hosts have sent, and when: the same for the same run. Where the run cannot be
        repeated, there is a `NotDeterministicWarning` that says why.
        """
        if self._why_not:
            determinism.warn(self._why_not)
        return self.simulation.digest

    def host(self, name: str, *addresses: str, names: tuple[str, ...] = (), **settings: Any) -> Host:
        """A new host. Programs find it by its `name`, and by other `names`. For the rest see `Simulation.host`."""
        return self._add(Host(self, self.simulation.host(name, *addresses, **settings)), names)

    def router(self, name: str, *addresses: str, **settings: Any) -> Host:
        """A new host that passes on packets between its links; see `Simulation.router`."""
        return self._add(Host(self, self.simulation.router(name, *addresses, **settings)), ())

    def link(self, a: Host, b: Host, **settings: Any) -> Link:
        """A new link between two hosts; see `Simulation.link`. Where it has an MTU, its ends know that."""
        link = self.simulation.link(a.node, b.node, **settings)
        for end in link.ends:
            if link.mtu < end.config.mtu:
                end.set_mtu(link.mtu)
        return link

    def find(self, name: str) -> Host | None:
        """The host that has a name, None where nobody has. Case does not count, nor a dot at the end."""
        return self._names.get(name.lower().removesuffix("."))

    def _add(self, host: Host, names: tuple[str, ...]) -> Host:
        for name in (host.name, *names):
            if self.find(name) is not None:
                raise ValueError(f"there is a host {name} already")
            self._names[name.lower()] = host
        self.hosts.append(host)
        return host

    # Time

    def catch_up(self) -> int:
        """Has everything happen that is due by now; returns the time in nanoseconds since the network was made."""
        return self.simulation.clock.now if self._time is None else self._time.catch_up()

    def set_alarm(self) -> None:
        """To be called after each change of a host from outside of the simulation."""
        if self._time is not None:
            self._time.set_alarm()

    def run(self, program: Callable[..., Awaitable[T]], *args: Any) -> T:
        """Enters the network, runs a trio program outside of all its hosts, in virtual time, and leaves the network."""

        async def inside() -> list[T]:
            async with self:
                found.append(await program(*args))
            return found

        found: list[T] = []
        return run(inside, seed=self.seed)[0]

    @property
    def nursery(self) -> trio.Nursery:
        """Of the programs in the background. Raises `RuntimeError` outside of `async with`."""
        if self._nursery is None:
            raise RuntimeError("time goes on, and programs run, inside of `async with` the network only")
        return self._nursery

    async def __aenter__(self) -> Self:
        await self._running.enter_async_context(self._live())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        return bool(await self._running.__aexit__(kind, error, traceback))

    @asynccontextmanager
    async def _live(self) -> AsyncIterator[None]:
        failure: BaseException | None = None
        self._why_not = determinism.why_not_here()
        with self._files, here.installed():
            async with trio.open_nursery() as timing:
                self._time = Timekeeper(self.simulation.clock)
                timing.start_soon(self._time.run)
                try:
                    async with trio.open_nursery() as self._nursery:
                        try:
                            yield
                        except trio.Cancelled:
                            raise
                        except BaseException as error:
                            failure = error  # kept and raised outside, where no nursery wraps it into a group
                        self._nursery.cancel_scope.cancel()
                    if failure is None:
                        await self._close_in_order()
                except BaseException as error:
                    failure = error
                finally:
                    self._nursery = None
                if failure is not None:
                    for host in self.hosts:
                        host.abort()
                timing.cancel_scope.cancel()
            self._time = None
        if failure is not None:
            try:
                raise failure
            finally:
                del failure  # or its traceback and this frame would hold each other

    async def _close_in_order(self) -> None:
        async with trio.open_nursery() as closing:
            for host in self.hosts:
                closing.start_soon(host.close_in_order, self._grace)
