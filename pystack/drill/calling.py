"""The application that a script plays: it makes the calls, one of which may be waiting, and looks how they return."""

from dataclasses import dataclass
from typing import Any, Final

from pystack.drill.arguments import values_of
from pystack.drill.dut import Done, Dut, Failed, Pending
from pystack.drill.errors import CallFailure
from pystack.drill.network import Network
from pystack.drill.outcomes import OPENING, expected_of, problem_of
from pystack.drill.script import Call, Position
from pystack.drill.writing import seconds_text
from pystack.wire import tcp, udp

_MILLISECOND: Final = 1_000_000
_SOCK_DGRAM: Final = 2
_TYPE_MASK: Final = 0xF


@dataclass(frozen=True, slots=True)
class Started:
    """A call that was made: when, and when it has to return, give or take `tolerance` (`end` `None`: at once). Times
    are nanoseconds of the stack's clock.
    """

    call: Call
    at: Position
    began: int
    end: int | None
    tolerance: int
    values: tuple[Any, ...] = ()
    token: int = 0


class Application:
    """Makes the calls of a script on the stack under test. `origin` is when the script began."""

    def __init__(self, dut: Dut, network: Network, origin: int) -> None:
        self._dut = dut
        self._network = network
        self._origin = origin
        self._waiting: Started | None = None

    def make(self, call: Call, at: Position, end: int | None, tolerance: int) -> None:
        """Makes a call now. It returns at once, and is compared, or, with an `end`, may wait. Raises `CallFailure`,
        `ScriptError` and `Unsupported`.
        """
        values = values_of(call, at)
        expected_of(call, at)  # an error in what is expected is one before the call is made
        self._network.collect()
        result = self._dut.call(call.name, values)
        token = result.token if isinstance(result, Pending) else 0
        started = Started(call, at, self._dut.now, end, tolerance, values, token)
        if not isinstance(result, Pending):
            self._returned(started, result)
            return
        self._waiting = started
        if end is None:
            self.finish(tolerance)

    def look(self) -> None:
        """Looks whether the call that waits has returned. Raises `CallFailure` where that is wrong."""
        started = self._waiting
        if started is None:
            return
        result = self._dut.poll(started.token)
        if not isinstance(result, Pending):
            self._waiting = None
            self._returned(started, result)

    def finish(self, patience: int) -> None:
        """Lets time pass, no longer than so many nanoseconds, until no call waits. Raises `CallFailure`."""
        until = self._dut.now + patience
        self.look()
        while self._waiting is not None and self._dut.now < until:
            self._dut.advance(min(until, self._dut.now + _MILLISECOND))
            self._network.collect()
            self.look()
        if self._waiting is not None:
            started, self._waiting = self._waiting, None
            raise CallFailure(f"{started.call.name}() does not return", started.at)

    def due(self) -> int | None:
        """When the call that waits has to return, as a time of the stack's clock."""
        return None if self._waiting is None else self._waiting.end

    def _returned(self, started: Started, result: Done | Failed) -> None:
        """A call has returned: names its descriptor, and compares."""
        call, at = started.call, started.at
        number = expected_of(call, at)[0]
        if isinstance(result, Done) and call.name in OPENING and number >= 0:
            self._dut.bind_fd(number, result.value)
            self._opened(call.name, number, started.values)
        problem = problem_of(call, started.values, result, at)
        if problem is not None:
            raise CallFailure(f"{call.name}() returns {problem}", at)
        returned = self._dut.now if result.at is None else result.at
        end = started.began if started.end is None else started.end
        if abs(returned - end) > started.tolerance:
            raise CallFailure(
                f"{call.name}() returns at {seconds_text(returned - self._origin)}, not at "
                f"{seconds_text(end - self._origin)} (give or take {seconds_text(started.tolerance)})",
                at,
            )

    def _opened(self, name: str, number: int, values: tuple[Any, ...]) -> None:
        if name == "socket":
            is_datagram = values[1] & _TYPE_MASK == _SOCK_DGRAM
            self._network.on_socket(number, udp.PROTOCOL if is_datagram else tcp.PROTOCOL)
        elif name.startswith("accept"):
            self._network.on_accept(number)
