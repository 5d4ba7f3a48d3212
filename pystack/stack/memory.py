"""The memory that a host's connections hold together, and what happens when it runs short."""

from collections.abc import Callable

from pystack.tcp.pressure import Level, Pressure


class Memory:
    """A running sum over what everybody holds, in bytes, against a `budget`. From three quarters of it on windows
    shrink; over it text out of order goes, and what is over it even then has new work refused. Linux: net.ipv4.tcp_mem.
    """

    __slots__ = ("_budget", "held", "pressure", "relieve")

    def __init__(self, budget: int) -> None:
        self._budget = budget
        self.held = 0
        self.pressure = Pressure()
        self.pressure.left = budget
        self.relieve: Callable[[], int] = lambda: 0
        """Drops some of what can come again, and returns how many bytes that frees; 0: there is nothing of it left."""

    def charge(self, change: int) -> Level:
        """Somebody holds `change` bytes more (or less); returns the level that holds now."""
        self.held += change
        while self.held > self._budget and (freed := self.relieve()):
            self.held -= freed
        level = Level.NONE
        if self.held > self._budget:
            level = Level.REFUSE
        elif 4 * self.held > 3 * self._budget:
            level = Level.SHRINK
        self.pressure.level = level
        self.pressure.left = self._budget - self.held
        return level

    @property
    def is_short(self) -> bool:
        """Whether new work has to be refused."""
        return self.pressure.level is Level.REFUSE


class Account:
    """What one holder has of a `Memory`."""

    __slots__ = ("_held", "_memory")

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._held = 0

    def holds(self, held: int) -> None:
        """It holds so many bytes now."""
        if held != self._held:
            self._memory.charge(held - self._held)
            self._held = held
