"""The clock of a simulation at the pace of trio's: virtual under trio's autojump clock, real under its own."""

import math
from typing import Final

import trio

from pystack.sim.clock import Clock

_NS_PER_S: Final = 1_000_000_000


class Timekeeper:
    """Has everything in `clock` happen when trio's time has come to it. To be made inside of `trio.run`.

    trio counts in floating seconds; the simulation's own nanoseconds are exact all the same, since what happens next
    happens at the time that it was set to, however trio rounds that.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._zero = trio.current_time() - clock.now / _NS_PER_S
        """trio's time when the clock was at 0."""
        self._scope: trio.CancelScope | None = None
        self._alarm: int | None = None
        self._is_stepping = False

    def catch_up(self) -> int:
        """Has everything happen that is due by now, and returns the time of the simulation."""
        return self._go_on_to(round((trio.current_time() - self._zero) * _NS_PER_S))

    def set_alarm(self) -> None:
        """To be called when something new may be due: `run` then wakes for it."""
        upcoming = self._clock.next()
        if self._scope is not None and upcoming != self._alarm:
            self._alarm = upcoming
            self._scope.deadline = math.inf if upcoming is None else self._zero + upcoming / _NS_PER_S

    async def run(self) -> None:
        """Lets time go on until cancelled."""
        while True:
            self._alarm = None
            with trio.CancelScope() as self._scope:
                self.set_alarm()
                await trio.sleep_forever()
            self._scope = None
            self.catch_up()
            if self._alarm is not None:
                self._go_on_to(self._alarm)  # for which trio has woken us, maybe by a rounding too early

    def _go_on_to(self, now: int) -> int:
        clock = self._clock
        if self._is_stepping:
            return clock.now
        self._is_stepping = True
        try:
            while (upcoming := clock.next()) is not None and upcoming <= now:
                clock.step()
        finally:
            self._is_stepping = False
        clock.skip_to(now)
        return clock.now
