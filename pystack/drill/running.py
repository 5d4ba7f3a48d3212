"""Runs a script on a stack: its events in order, each at its time, until one is wrong."""

from collections.abc import Callable
from typing import Final

from pystack.drill import dut as adapter
from pystack.drill.calling import Application
from pystack.drill.codeblocks import Namespace
from pystack.drill.dut import Dut
from pystack.drill.errors import CallFailure, Failure, PacketFailure, ScriptError, SetupError, Stop, Unsupported
from pystack.drill.expecting import Listener, Window, tolerance_of
from pystack.drill.network import Network
from pystack.drill.script import Base, Call, Code, Command, Direction, Event, Packet, Script
from pystack.drill.settings import Settings
from pystack.drill.setup import setup_of
from pystack.drill.shell import ChangeRoute, SetDefaults, SetSysctl, Sleep, UnknownCommand, steps_of
from pystack.drill.sysctls import PROFILE
from pystack.drill.verdicts import Verdict, verdict_of
from pystack.drill.writing import seconds_text

_PATIENCE: Final = 1_000_000_000
"""How long a call that waits is waited for, in nanoseconds."""


def run(script: Script, settings: Settings, dut: Dut, path: str = "", seed: int = 0) -> Verdict:
    """Runs `script` (with its options already in `settings`) on a stack that is made for it. Never raises."""
    run = _Run(script, settings, dut)
    stop: Stop | None = None
    try:
        run.set_up(seed)
        run.play()
    except Stop as error:
        stop = error
    except adapter.Unsupported as error:
        stop = Unsupported(str(error), run.event.at)
    except Exception as error:  # whatever it is: the next script has a stack of its own
        stop = Failure(f"the stack broke: {type(error).__name__}: {error}", run.event.at)
    return verdict_of(path, stop, tuple(run.warnings), run.elapsed)


class _Run:
    """One run of one script. `event` is the one whose turn it is."""

    def __init__(self, script: Script, settings: Settings, dut: Dut) -> None:
        self._script = script
        self._settings = settings
        self._dut = dut
        self._origin: int | None = None
        self._base = 0
        """What a relative time is counted from."""
        self._previous = 0
        """When the event before was expected, or, if that was relative, when it was: for tolerances."""
        self._latest = 0
        """The last absolute time, since the start."""
        self._last_inbound: int | None = None
        """When the event before was to be, if it was an inbound packet."""
        self.event: Event = script.events[0]
        self.warnings: list[str] = []

    @property
    def elapsed(self) -> int:
        """How long it has run on the stack's clock."""
        return 0 if self._origin is None else self._dut.now - self._origin

    def set_up(self, seed: int) -> None:
        """A stack for the script. Raises `SetupError` and `Unsupported`."""
        setup = setup_of(self._script, self._settings, seed)
        try:
            self._dut.reset(setup)
            for name, value in setup.sysctls.items():
                self._set_sysctl(name, value)
        except ValueError as error:
            raise SetupError(str(error), self._script.init_at) from None
        self._origin = self._base = self._previous = self._dut.now
        self._network = Network(self._dut, self._settings)
        self._application = Application(self._dut, self._network, self._origin)
        self._listener = Listener(self._network, self._settings, self._origin)
        self._namespace = Namespace(ignores_congestion=self._settings.relaxed.cc)

    def _set_sysctl(self, name: str, value: str) -> None:
        warning = f"nobody knows the sysctl {name}"
        if not self._dut.set_sysctl(name, value) and warning not in self.warnings:
            self.warnings.append(warning)

    def play(self) -> None:
        """All events in order, and what is left to do then. Raises `Stop`."""
        for event in self._script.events:
            self.event = event
            self._step(event)
        due = self._application.due()
        self._judge(lambda: self._application.finish(max(0, (due or 0) - self._dut.now) + _PATIENCE))
        cleanup = self._script.cleanup
        if cleanup is not None:
            try:
                steps_of(cleanup.text)
            except UnknownCommand as error:
                raise Unsupported(str(error), self._script.cleanup_at) from None

    def _step(self, event: Event) -> None:
        what = event.what
        is_inbound = isinstance(what, Packet) and what.direction is Direction.INBOUND
        base = self._base_of(event, is_inbound)
        start = base + event.when.start
        end = None if event.when.end is None else base + event.when.end
        tolerance = tolerance_of(self._settings, start - self._previous)
        if isinstance(what, Packet) and not is_inbound:
            window = None if event.when.base is Base.ANY else Window(start, start if end is None else end, tolerance)
            happened = self._dut.now
            self._judge(lambda: self._listener.expect(what, window, event.at))
            happened = self._listener.last_sent if self._listener.last_sent is not None else happened
        else:
            self._wait(start, tolerance)
            happened = self._dut.now
            self._do(event, end, tolerance)
        self._network.collect()
        self._judge(self._application.look)
        self._base = self._dut.now
        self._previous = start if event.when.base is Base.START else happened
        self._last_inbound = start if is_inbound else None

    def _base_of(self, event: Event, is_inbound: bool) -> int:
        """What the time of an event is counted from, in nanoseconds of the stack's clock."""
        assert self._origin is not None
        when = event.when
        is_first = event is self._script.events[0]
        if is_first and (when.base is Base.ANY or when.start):
            raise ScriptError("the first event is at time 0", event.at)
        if when.base is not Base.START:
            return self._last_inbound if is_inbound and self._last_inbound is not None else self._base
        if when.start < self._latest:
            raise ScriptError("times never go back", event.at)
        self._latest = when.start
        return self._origin

    def _wait(self, until: int, tolerance: int) -> None:
        """Lets time pass until the event is due. Raises `Failure` where it is too late for it."""
        if self._dut.now > until + tolerance:
            late = seconds_text(self._dut.now - until)
            raise Failure(f"the events before took too long: {late} late", self.event.at)
        self._dut.advance(until)
        self._network.collect()
        self._judge(self._application.look)

    def _do(self, event: Event, end: int | None, tolerance: int) -> None:
        """What happens now: anything but an outbound packet."""
        at = event.at
        match event.what:
            case Packet() as packet:
                try:
                    self._network.say(packet)
                except ValueError as error:
                    raise ScriptError(str(error), at) from None
            case Call() as call:
                self._judge(lambda: self._application.finish(_PATIENCE))
                if end is not None:
                    tolerance = tolerance_of(self._settings, end - self._dut.now)
                self._judge(lambda: self._application.make(call, at, end, tolerance))
            case Command(text):
                self._command(text)
            case Code(text):
                fd = self._network.fd
                if fd is None:
                    raise ScriptError("there is no connection yet whose statistics these could be", at)
                self._namespace.run(text, self._dut.tcp_info(fd), at)

    def _command(self, text: str) -> None:
        at = self.event.at
        try:
            steps = steps_of(text)
        except UnknownCommand as error:
            raise Unsupported(str(error), at) from None
        for step in steps:
            match step:
                case Sleep(duration):
                    self._dut.advance(self._dut.now + duration)
                case ChangeRoute():
                    raise Unsupported("a route changes before the first event only", at)
                case SetSysctl() | SetDefaults():
                    for name, value in PROFILE.items() if isinstance(step, SetDefaults) else ((step.name, step.value),):
                        try:
                            self._set_sysctl(name, value)
                        except ValueError as error:
                            raise ScriptError(f"{name}: {error}", at) from None

    def _judge(self, act: Callable[[], object]) -> None:
        """Does something that may find a mismatch, which is only a warning where the script says so."""
        try:
            act()
        except PacketFailure as failure:
            self._warn_or_raise(failure, "packet")
        except CallFailure as failure:
            self._warn_or_raise(failure, "syscall")

    def _warn_or_raise(self, failure: Failure, kind: str) -> None:
        if kind not in self._settings.non_fatal:
            raise failure
        self.warnings.append(f"line {failure.at.line}: {str(failure).partition(chr(10))[0]}")
