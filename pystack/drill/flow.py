"""One connection in two number spaces: the small numbers of the script, and those of the wire.

Only the stack's initial sequence number, ports and clock are not the script's own. In segments without SYN the first
byte of text is number 1 in both directions, whatever the SYNs said; in a SYN all numbers are the peer's own, but for
the stack's sequence number, which is the one written in the script.
"""

from dataclasses import dataclass, field, replace
from typing import Final

from pystack.drill.script import Icmp, Packet, QuotedTcp, Tcp, TcpOption
from pystack.wire.tcp import ACK, RST, SYN

_WRAP: Final = 1 << 32
_HALF: Final = 1 << 31


class UnknownEcho(ValueError):
    """A script echoes a timestamp that the stack has not sent."""


@dataclass(slots=True)
class Stamps:
    """Timestamps of the stack: what the script calls each. `first` is the first pair of (script's, live)."""

    live: dict[int, int] = field(default_factory=dict)
    first: tuple[int, int] | None = None

    def seen(self, script: int, live: int) -> None:
        """An outbound packet has the value `live` where the script says `script`."""
        self.live[script] = live
        self.first = self.first or (script, live)

    def to_script(self, live: int) -> int:
        """The value in the script's count, which begins with its first value."""
        return live if self.first is None else (live - self.first[1] + self.first[0]) % _WRAP

    def to_live(self, script: int, scaled: bool) -> int:
        """The value to echo. Where `script` is unknown: `scaled` from the first pair, else `UnknownEcho`."""
        if script in self.live:
            return self.live[script]
        if not scaled or self.first is None:
            raise UnknownEcho(f"ecr {script}: the stack has sent no timestamp of that number")
        return (script - self.first[0] + self.first[1]) % _WRAP


@dataclass(slots=True)
class Flow:
    """A connection, or a pair of UDP ports; `local_port` is the one of the stack. `local` and `local_script` are the
    stack's ISN on the wire and in the script, `remote` is the peer's, the same in both.
    """

    local_port: int
    remote_port: int
    protocol: int
    local: int = 0
    local_script: int = 0
    remote: int = 0
    stamps: Stamps = field(default_factory=Stamps)
    _has_local: bool = False
    _has_local_script: bool = False
    _is_remote_settled: bool = False

    # What goes by

    def on_heard(self, segment: Tcp) -> None:
        """The stack has sent this (live numbers)."""
        if segment.flags & SYN and not self._has_local:
            self.local, self._has_local = segment.seq, True
        if segment.flags & ACK and not segment.flags & RST:
            self._is_remote_settled = True

    def on_expected(self, segment: Tcp) -> None:
        """The script expects this (its own numbers)."""
        if segment.flags & SYN and not self._has_local_script:
            self.local_script, self._has_local_script = segment.seq, True

    def on_said(self, segment: Tcp) -> None:
        """The peer says this: its ISN is that of its last SYN before the stack has acknowledged one."""
        if segment.flags & SYN and not self._is_remote_settled:
            self.remote = segment.seq

    # From one space to the other

    def to_script(self, segment: Tcp) -> Tcp:
        """A segment of the stack, in the script's numbers."""
        has_syn = bool(segment.flags & SYN)
        seq = segment.seq - self.local + (self.local_script if has_syn else 0)
        base = 0 if has_syn else self.remote
        ack = (segment.ack or 0) - base if segment.flags & ACK else segment.ack or 0
        options = tuple(self._option_to_script(option, base) for option in segment.options or ())
        return replace(segment, seq=seq % _WRAP, ack=ack % _WRAP, options=options)

    def _option_to_script(self, option: TcpOption, base: int) -> TcpOption:
        if option.name == "sack":
            return replace(option, numbers=tuple((edge - base) % _WRAP for edge in option.numbers))
        if option.name == "TS":
            val, ecr = option.numbers
            return replace(option, numbers=(self.stamps.to_script(val), ecr))
        return option

    def to_live(self, segment: Tcp, *, scaled_echoes: bool = False) -> Tcp:
        """A segment of the peer, in the numbers of the wire. Raises `UnknownEcho`."""
        has_syn = bool(segment.flags & SYN)
        seq = segment.seq + (0 if has_syn else self.remote)
        base = self.local - (self.local_script if has_syn else 0)
        ack = 0 if segment.ack is None else segment.ack + base
        echoes = bool(segment.flags & ACK)
        options = tuple(
            self._option_to_live(option, base, echoes=echoes, scaled=scaled_echoes) for option in segment.options or ()
        )
        return replace(segment, seq=seq % _WRAP, ack=ack % _WRAP, options=options)

    def _option_to_live(self, option: TcpOption, base: int, *, echoes: bool, scaled: bool) -> TcpOption:
        if option.name == "sack":
            return replace(option, numbers=tuple((edge + base) % _WRAP for edge in option.numbers))
        if option.name == "TS" and echoes:
            val, ecr = option.numbers
            return replace(option, numbers=(val, self.stamps.to_live(ecr, scaled)))
        return option

    def quoted_to_live(self, packet: Packet) -> Packet:
        """An ICMP error about a segment of the stack: the number that it quotes is the stack's own."""
        body = packet.body
        assert isinstance(body, Icmp)
        quoted = body.quoted or QuotedTcp(0, 0)
        if not isinstance(quoted, QuotedTcp):
            return packet
        live = replace(quoted, seq=(quoted.seq + self.local) % _WRAP)
        return replace(packet, body=replace(body, quoted=live))


def difference(a: int, b: int) -> int:
    """`a` - `b` for 32-bit numbers that are near each other."""
    return (a - b + _HALF) % _WRAP - _HALF
