"""What a socket needs of whoever moves its host's packets and time: the pump over a device, the simulator's network."""

import errno
import weakref
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Final, Protocol

import trio

from pystack.stack.host import Host
from pystack.tcp.state import State

_DONE: Final = frozenset((State.TIME_WAIT, State.FIN_WAIT_2, State.CLOSED))
"""Our FIN has been acknowledged, or need not be."""


class DrivenSocket(Protocol):
    """What a driver needs of the sockets that are registered with it."""

    def close(self) -> None: ...

    def fail(self, code: int) -> None: ...


class Driver(ABC):
    """Runs `host`, whose device is called `name`. `clock` gives the host's time in nanoseconds."""

    def __init__(self, host: Host, name: str, clock: Callable[[], int]) -> None:
        self.host = host
        self.name = name
        self.clock = clock
        self.lost: OSError | None = None
        """Why the network is gone; None while it is there."""
        self._activity = trio.lowlevel.ParkingLot()
        # Weak, so that a socket that a program drops goes as any object does; in order, so that runs can be repeated.
        self._sockets: weakref.WeakValueDictionary[int, DrivenSocket] = weakref.WeakValueDictionary()
        self._last_socket = 0

    # What the sockets call

    @abstractmethod
    def flush(self) -> None:
        """Sends what is due and wakes who has news. Called from the task of whoever did something to a connection."""

    def register(self, socket: DrivenSocket) -> int:
        """A socket wants to be closed when the stack ends, and told when the network is lost. Returns its number."""
        self._last_socket += 1
        self._sockets[self._last_socket] = socket
        return self._last_socket

    def unregister(self, number: int) -> None:
        """A socket is closed."""
        self._sockets.pop(number, None)

    def check_device(self) -> None:
        """Raises ENETDOWN once the network is lost."""
        if self.lost is not None:
            raise OSError(errno.ENETDOWN, f"Network is down: {self.lost.strerror}")

    # The end

    async def close_in_order(self, grace: float) -> None:
        """Closes every socket and waits for at most `grace` seconds until the peers have acknowledged that; resets
        what is left.
        """
        for socket in self._registered():
            socket.close()
        self.flush()
        with trio.move_on_after(grace):
            while self.lost is None and any(e.connection.state not in _DONE for e in self.host.endpoints()):
                await self._activity.park()
        self.abort()

    def abort(self) -> None:
        """Resets every connection and closes every socket. Sockets whose network is lost stay as they are, so that they
        go on telling it.
        """
        if self.lost is not None:
            return
        self.host.abort_all()
        self.flush()
        for socket in self._registered():
            socket.close()

    # What a driver calls

    def _has_changed(self) -> None:
        """Something has become of the host's connections."""
        if self._activity:
            self._activity.unpark_all()

    def _lose(self, error: OSError) -> None:
        """The network is gone: every call on a socket raises ENETDOWN from now on."""
        self.lost = error
        for socket in self._registered():
            socket.fail(errno.ENETDOWN)
        self._activity.unpark_all()

    def _registered(self) -> Iterator[DrivenSocket]:
        return iter(list(self._sockets.values()))
