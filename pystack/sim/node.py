"""One simulated host, and the programs that run on it."""

from collections.abc import Callable, Generator
from functools import partial
from typing import TypeAlias

from pystack.link.entropy import random_bytes, stream
from pystack.sim.clock import Clock
from pystack.sock.dispatch import dispatch
from pystack.stack.config import Config
from pystack.stack.host import Host
from pystack.wire.packet import Packet

Application: TypeAlias = Generator[int | None, None, None]
"""A program on a simulated host. It calls the host's `stack` and yields to wait: None for the next event of its host,
a number for that many nanoseconds."""


class Node:
    """One simulated host: `stack` is the host itself. Made by `Network.host`."""

    def __init__(
        self, seed: int, clock: Clock, name: str, config: Config, send: Callable[["Node", Packet], None]
    ) -> None:
        self.name = name
        self.stack = Host(config, partial(random_bytes, stream(seed, name, "entropy")))
        self._clock = clock
        self._send = send
        self._waiting: list[Application] = []
        self._deadline: int | None = None
        self._alarm = 0
        """The clock's number for `_deadline`, the next of the host."""

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
                self._send(self, packet)
            if not dispatch(stack):
                break
            happened = True  # and the sockets that were woken may have something to send
        if happened:
            waiting, self._waiting = self._waiting, []
            for application in waiting:
                clock.call_at(clock.now, partial(self._resume, application))
        deadline = stack.next_deadline()
        if deadline != self._deadline:
            clock.withdraw(self._alarm)
            self._deadline = deadline
            if deadline is not None:
                self._alarm = clock.call_at(deadline, self._on_deadline)

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

    def _on_deadline(self) -> None:
        self._deadline = None
        self.stack.on_deadline(self._clock.now)
        self.settle()
