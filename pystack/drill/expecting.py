"""An outbound line: takes the packets that make it up, and compares them, and the time, with it."""

from dataclasses import dataclass, replace
from typing import Final

from pystack.drill.comparing import Labels, joined, problems_of, shown_like, split, stamp_of, stamp_problem
from pystack.drill.errors import PacketFailure, ScriptError
from pystack.drill.flow import Flow
from pystack.drill.network import Network, Past
from pystack.drill.script import Packet, Position, Tcp
from pystack.drill.settings import Settings
from pystack.drill.wireform import Heard
from pystack.drill.writing import packet_text, seconds_text
from pystack.wire.tcp import PSH

_PATIENCE: Final = 2_000_000_000
_LONG_PATIENCE: Final = 300_000_000_000


@dataclass(frozen=True, slots=True)
class Window:
    """When a packet may be sent: from `start` to `end`, give or take `tolerance`, in nanoseconds of the stack's
    clock.
    """

    start: int
    end: int
    tolerance: int

    def allows(self, at: int) -> bool:
        """Whether the time is a good one."""
        return self.start - self.tolerance <= at <= self.end + self.tolerance

    def text(self, origin: int) -> str:
        """In words, counted from `origin`."""
        span = seconds_text(self.start - origin)
        if self.end != self.start:
            span += f" to {seconds_text(self.end - origin)}"
        return f"{span} (give or take {seconds_text(self.tolerance)})"


class Listener:
    """Compares what the stack sends with outbound lines. `origin` is when the script began."""

    def __init__(self, network: Network, settings: Settings, origin: int) -> None:
        self._network = network
        self._settings = settings
        self._origin = origin
        self._labels = Labels()
        self.last_sent: int | None = None
        """When the packet of the last line was sent."""

    def expect(self, line: Packet, window: Window | None, at: Position) -> None:
        """Takes the next packet, which has to be the one of the line, in the window (`None`: at any time). Raises
        `PacketFailure` where it is not, or none comes within 2 seconds of the window (without one: in 300).
        """
        self.last_sent = None
        until = self._network.now + _LONG_PATIENCE if window is None else window.end + _PATIENCE
        ports = line.body.ports if isinstance(line.body, Tcp) else None
        taken = self._network.take(ports, until)
        if taken is None:
            raise PacketFailure(self._report("the stack has sent nothing", line, None, until), at)
        heard, flow = taken
        if heard.packet is None or heard.problems:
            raise PacketFailure(self._report(f"bad packet: {'; '.join(heard.problems)}", line, None, heard.at), at)
        if isinstance(line.body, Tcp) and isinstance(heard.packet.body, Tcp) and flow is not None:
            sent_at, actual = self._segment(line, line.body, heard, heard.packet.body, flow, until, at)
        else:
            sent_at, actual = heard.at, heard.packet
            self._compare(line, actual, [], sent_at, at)
        self.last_sent = sent_at
        shown = shown_like(actual, line)
        if window is not None and not window.allows(sent_at):
            problem = f"sent at {seconds_text(sent_at - self._origin)}, not at {window.text(self._origin)}"
            raise PacketFailure(self._report(problem, line, shown, sent_at), at)
        self._network.history.append(Past(sent_at, shown))

    def _segment(
        self, line: Packet, wanted: Tcp, heard: Heard, live: Tcp, flow: Flow, until: int, at: Position
    ) -> tuple[int, Packet]:
        """Compares a segment, or what is joined or split to be one; returns when it was sent, and it in the script's
        numbers.
        """
        assert heard.packet is not None
        settings = self._settings
        flow.on_expected(wanted)
        if settings.relaxed.group and 0 < wanted.size < live.size:
            live = self._cut(live, wanted, heard, flow)
        joins = not settings.strict_segments or settings.relaxed.group
        sent_at, live = self._joined(wanted, heard.at, live, flow, until) if joins else (heard.at, live)
        actual = replace(heard.packet, body=flow.to_script(live))
        stamps_wanted, stamps_got = stamp_of(wanted), stamp_of(live)
        problems = []
        if stamps_wanted is not None and stamps_got is not None:
            allowed = tolerance_of(settings, sent_at - self._origin)
            problem = stamp_problem(flow.stamps, stamps_wanted[0], stamps_got[0], settings.ts_tick, allowed)
            problems = [problem] if problem else []
            flow.stamps.seen(stamps_wanted[0], stamps_got[0])
        self._compare(line, actual, problems, sent_at, at)
        return sent_at, actual

    def _joined(self, wanted: Tcp, sent_at: int, live: Tcp, flow: Flow, until: int) -> tuple[int, Tcp]:
        """As many segments as the line wants text, while they are parts of one; the time is that of the last one."""
        part = live.size
        check_window = wanted.win is not None and not self._settings.relaxed.win
        while part > 0 and live.size < wanted.size:
            taken = self._network.take(wanted.ports, until)
            if taken is None:
                break
            heard, owner = taken
            more = heard.packet.body if heard.packet is not None and not heard.problems else None
            whole = joined(live, more, check_window=check_window) if isinstance(more, Tcp) and owner is flow else None
            if whole is None or (whole.size < wanted.size and whole.size - live.size != part):
                self._network.give_back(heard, owner)
                break
            if whole.size > wanted.size and self._settings.relaxed.group:
                whole = self._cut(whole, wanted, heard, flow)
            sent_at, live = heard.at, whole
        return sent_at, live

    def _cut(self, live: Tcp, wanted: Tcp, heard: Heard, flow: Flow) -> Tcp:
        """The text that the line wants; what is more, the last part of `heard`, is for the next line. Where the PSH of
        the whole belongs cannot be told.
        """
        assert heard.packet is not None
        head, tail = split(live, wanted.size)
        self._network.give_back(replace(heard, packet=replace(heard.packet, body=tail)), flow)
        return replace(head, flags=head.flags & ~PSH | wanted.flags & PSH)

    def _compare(self, line: Packet, actual: Packet, more: list[str], sent_at: int, at: Position) -> None:
        settings = self._settings
        try:
            problems = problems_of(line, actual, settings.relaxed, self._labels, settings.is_ipv6) + more
        except ValueError as error:
            raise ScriptError(str(error), at) from None
        if problems:
            raise PacketFailure(self._report("; ".join(problems), line, shown_like(actual, line), sent_at), at)

    def _report(self, problem: str, line: Packet, actual: Packet | None, at: int) -> str:
        """The problem, both packets one above the other, and those before, with their times."""
        lines = [problem, f"  expected: {packet_text(line)}"]
        lines.append(f"  actual:   {'none' if actual is None else packet_text(actual)}")
        lines[-1] += f"  ({'until' if actual is None else 'at'} {seconds_text(at - self._origin)})"
        if self._network.history:
            lines.append("  the packets before:")
            lines += [
                f"    {seconds_text(p.at - self._origin):>10} {packet_text(p.packet)}" for p in self._network.history
            ]
        return "\n".join(lines)


def tolerance_of(settings: Settings, span: int) -> int:
    """How much a time may be off, in nanoseconds, `span` nanoseconds after the event before."""
    share = settings.tolerance_percent / 100 * max(span, 0)
    return int(max(settings.tolerance, share) * settings.relaxed.time)
