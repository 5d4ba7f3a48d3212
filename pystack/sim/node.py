"""One simulated host, sans-IO, and the plain programs that run on it."""

from collections.abc import Callable, Generator
from dataclasses import replace
from functools import partial
from typing import Any, Literal, TypeAlias

from pystack.link.entropy import random_bytes, stream
from pystack.sim.clock import Clock
from pystack.sock.dispatch import dispatch
from pystack.stack.config import Config
from pystack.stack.host import Host
from pystack.wire.packet import Packet

Application: TypeAlias = Generator[int | None, None, None]
"""A program on a simulated host. It calls the host's `stack` and yields to wait: None for the next event of its host,
a number for that many nanoseconds."""

Buffers: TypeAlias = Literal["own", "lent", "poisoned"]
"""What a host gets packets in: bytes that it may keep, a reader's buffer that it may not, or one that turns to 0xDD as
soon as it has had it, which finds whoever keeps one."""


class Node:
    """One simulated host: `stack` is the host itself. Made by `Simulation.host`.

    `on_change` is called when its stack had something to tell. `unheard` counts packets that came while it was down.
    """

    def __init__(
        self,
        seed: int,
        clock: Clock,
        name: str,
        config: Config,
        send: Callable[["Node", Packet], None],
        buffers: Buffers = "own",
    ) -> None:
        self.name = name
        self.config = config
        self.is_up = True
        self.unheard = 0
        self.on_change: Callable[[], None] | None = None
        self._seed = seed
        self._clock = clock
        self._send = send
        self._buffers = buffers
        self._lives = 1
        self.stack = self._boot()
        self._waiting: list[Application] = []
        self._deadline: int | None = None
        self._alarm = 0
        """The clock's number for `_deadline`, the next of the host."""

    @property
    def now(self) -> int:
        """The time, in nanoseconds."""
        return self._clock.now

    def run(self, application: Application) -> None:
        """Starts a program; its first step is taken when time goes on. It ends without a word when the host crashes."""
        self._call_at(self._clock.now, self._resume, application)

    def receive(self, packet: bytes) -> None:
        """A packet has arrived."""
        if not self.is_up:
            self.unheard += 1
            return
        self.take(packet)
        self.settle()

    def take(self, packet: bytes) -> None:
        """What the host does with a packet that has arrived."""
        if self._buffers == "own":
            self.stack.receive(packet, self._clock.now)
            return
        lent = bytearray(packet)
        self.stack.receive(memoryview(lent).toreadonly(), self._clock.now)
        if self._buffers == "poisoned":
            lent[:] = b"\xdd" * len(lent)

    def settle(self) -> None:
        """Sends what is due, wakes sockets and programs where something has happened, and sees to the next deadline. To
        be called after each call on `stack` from outside of a program.
        """
        if not self.is_up:
            return
        stack, clock = self.stack, self._clock
        happened = False
        while True:
            while (packet := stack.poll_transmit(clock.now)) is not None:
                self._send(self, packet)
            if not dispatch(stack):
                break
            happened = True  # and the sockets that were woken may have something to send
        if happened:
            waiting, self._waiting = self._waiting, []
            for application in waiting:
                self._call_at(clock.now, self._resume, application)
            if self.on_change is not None:
                self.on_change()
        deadline = stack.next_deadline()
        if deadline != self._deadline:
            clock.withdraw(self._alarm)
            self._deadline = deadline
            if deadline is not None:
                self._alarm = clock.call_at(deadline, self._on_deadline)

    # Bad days

    def crash(self) -> None:
        """The power fails: the host knows nothing any more, and not one packet tells anybody. Its plain programs are
        gone.
        """
        if self.is_up:
            self.is_up = False
            self._lives += 1
            self._waiting.clear()
            self._clock.withdraw(self._alarm)
            self._deadline = None

    def restart(self) -> None:
        """Starts it again after a `crash`, with the same settings, other secrets, and no memory of before."""
        if not self.is_up:
            self.stack = self._boot()
            self.is_up = True

    def set_addresses(self, addresses: tuple[tuple[bytes, int], ...]) -> None:
        """Other addresses than before (`stack.host.Host.set_addresses`)."""
        self.config = replace(self.config, addresses=addresses)
        self.stack.set_addresses(addresses)

    def set_mtu(self, mtu: int) -> None:
        """Its device takes packets of `mtu` bytes from now on."""
        self.config = replace(self.config, mtu=mtu)
        self.stack.set_mtu(mtu, self._clock.now)
        self.settle()

    def _boot(self) -> Host:
        life = () if self._lives == 1 else (str(self._lives),)
        return Host(self.config, partial(random_bytes, stream(self._seed, self.name, "entropy", *life)))

    def _call_at(self, when: int, callback: Callable[..., None], *args: Any) -> int:
        """As the clock's; what an earlier life of the host wanted does not happen."""
        return self._clock.call_at(when, partial(self._if_alive, self._lives, callback, *args))

    def _if_alive(self, life: int, callback: Callable[..., None], *args: Any) -> None:
        if life == self._lives:
            callback(*args)

    def _resume(self, application: Application) -> None:
        try:
            wait = next(application)
        except StopIteration:
            pass
        else:
            if wait is None:
                self._waiting.append(application)
            else:
                self._call_at(self._clock.now + wait, self._resume, application)
        self.settle()

    def _on_deadline(self) -> None:
        self._deadline = None
        self.stack.on_deadline(self._clock.now)
        self.settle()
