"""A whole host, its applications and its peers, as a program in bytes: what a fuzzer runs, and what replays its files.

    python tools/fuzz_host.py FILE…             run each, and say nothing where all is well
    python tools/fuzz_host.py --explain FILE…   say what a program does, instruction by instruction, packet by packet

An input is four bytes of settings (`settings_of`) and then instructions of four bytes. The first byte has the number of
the instruction in its low five bits (`OPS`) and that of a flow, or socket, in its high three; three operands follow, a,
b and c, which mean what the instruction says (`_handshake` and so on, here and in `fuzz_applications.py`). The format
is in `fuzz_program.py`. What peers say is right as far as they know, unless an instruction that changes the next packet
(`patch`, `cut` …) comes before; checksums are made after it. So a program that is changed anywhere is still a program,
and most of what it says gets past the first checks. Time is virtual, and the host small.

What must hold after each instruction, and at the end, is in `fuzz_oracles.py`.
"""

from collections.abc import Callable

import fuzz_packets as make
from fuzz_applications import UDP_PORT, Applications
from fuzz_oracles import Oracles
from fuzz_peer import ACTIVE_PORT, HOST_PORT, Change, Flow, Mangler, text
from fuzz_program import OPS, SECOND, Step, mutator, program, settings_of
from fuzz_replay import main

from pystack.link.entropy import random_bytes, stream
from pystack.sim.solo import Solo
from pystack.stack.host import Host
from pystack.stack.inspect import inspect
from pystack.wire import icmpv4, icmpv6, tcp, udp
from pystack.wire.options import Options
from pystack.wire.render import render
from pystack.wire.tcp import ACK, FIN, PSH, RST, URG

__all__ = ["explain", "mutator", "one_input"]

MS = 1_000_000
DURATIONS = tuple(n * MS for n in (0, 1, 10, 40, 200, 1_000, 3_000, 10_000, 61_000, 601_000, 7_300_000))
REMEMBERED = 8
"""Packets of either side that can be repeated, or quoted."""


class Run:
    """One program under way; `tell` hears what it does, for whom wants to read it."""

    def __init__(self, data: bytes, tell: Callable[[str], None] | None = None) -> None:
        self.config = settings_of(data)
        self.steps = program(data)
        more, rest = data[2:4].ljust(2, b"\0")
        self._iss = (1, 2**32 - 2, 2**31 - 2, 2**32 - 30_000)[more >> 6]
        self._in_order = bool(rest & 0x80)
        generator = stream(1, "fuzz")
        self.host = Host(self.config, lambda n: random_bytes(generator, n))
        self.solo = Solo(self.host)
        self.flows: dict[int, Flow] = {}
        self.mangler = Mangler()
        self.said: list[bytes] = []
        self.heard: list[bytes] = []
        self._held_back: list[bytes] | None = None
        self._tell = tell
        self.oracles = Oracles(self.solo, self.flows)
        self.applications = Applications(self.solo, self.flows, self.oracles, self._iss)

    def run(self) -> None:
        """All of it. Raises whatever is not as it should be."""
        for step in self.steps:
            name = OPS[step.op]
            if self._tell:
                self._tell(f"{name} {step.flow}  {step.a} {step.b} {step.c}")
            if hasattr(self, "_" + name):
                getattr(self, "_" + name)(step)
            else:
                self._note(f"    {self.applications.does(name, step)}")
            self._settle()
        self._release(Step(0, 0, 0, 0, 0))
        self._end()

    def _end(self) -> None:
        """The applications close, or everything is reset; nobody answers any more, and all must come to an end."""
        self._note("the end")
        self.applications.close_all()
        if not self._in_order:
            self.host.abort_all()
        self._settle()
        self.solo.advance(self.solo.now + 30_000 * SECOND)
        self._settle()
        self.oracles.all_is_freed()

    def _settle(self) -> None:
        for at, packet in self.solo.collect():
            self._note(f"  < {self._line(packet)}", at)
            self.heard = [*self.heard, packet][-REMEMBERED:]
            self.oracles.hears(packet)
        self.oracles.check()

    def _deliver(self, packets: list[bytes]) -> None:
        """They arrive now, or wait for `release`."""
        if self._held_back is not None:
            self._held_back += packets
            return
        for packet in packets:
            if packet:
                self._note(f"  > {self._line(packet)}")
                self.said = [*self.said, packet][-REMEMBERED:]
                self.solo.inject(packet)

    def _line(self, packet: bytes) -> str:
        return render(packet) if self._tell else ""

    def _note(self, words: str, at: int | None = None) -> None:
        if self._tell:
            self._tell(f"{(self.solo.now if at is None else at) / SECOND:12.3f} {words}")

    # What peers say

    def _flow(self, step: Step) -> Flow:
        """The connection of this number; a new one, that nobody has opened, where there is none."""
        return self.flows.setdefault(step.flow, Flow(step.flow, False, HOST_PORT, self._iss))

    def _speak(self, flow: Flow, flags: int, **where: int) -> None:
        self._send(flow, flow.says(flags, self.solo.now, **where))

    def _send(self, flow: Flow, seg: tcp.Segment) -> None:
        packets = self.mangler.segment(flow, seg)
        self._taint(flow)
        self._deliver(packets)

    def _taint(self, flow: Flow | None) -> None:
        if self.mangler.taints == "all":
            self.oracles.taint_all()
        elif self.mangler.taints and flow is not None:
            flow.tainted = True

    def _syn(self, step: Step) -> None:
        """a: the options; b: the window; c: its number is c * 100000 further; from 128 on, with ECN."""
        flow = self.flows.get(step.flow)
        if flow is None or not flow.active:
            again = flow is not None  # and what is said of the old one may be heard as of the new
            flow = self.flows[step.flow] = Flow(step.flow, False, HOST_PORT, self._iss + (step.c & 127) * 100_000)
            flow.tainted = again
        flow.window = _window(step.b)
        seg = flow.opens((step.c & 0x80 and tcp.ECE | tcp.CWR), step.a, self.solo.now)
        self._send(flow, seg)

    def _handshake(self, step: Step) -> None:
        """`syn`, and the ACK."""
        self._syn(step)
        self._settle()
        self._speak(self._flow(step), ACK, ack=self._flow(step).seen)

    def _syn_ack(self, step: Step) -> None:
        """The answer to a SYN of the host's; a, b and c as of `syn`."""
        flow = self._flow(step)
        flow.window = _window(step.b)
        flow.acked = flow.seen
        self._send(flow, flow.opens(ACK | (step.c & 0x80 and tcp.ECE), step.a, self.solo.now))

    def _ack(self, step: Step) -> None:
        """All that is outstanding is acknowledged but for a/255; b: the window; c & 1: ECE."""
        flow = self._flow(step)
        flow.window = _window(step.b)
        ack = flow.acked + (flow.seen - flow.acked) * (255 - step.a) // 255
        self._speak(flow, ACK | (step.c & 1 and tcp.ECE), ack=ack)

    def _sack(self, step: Step) -> None:
        """A duplicate ACK with one block, from a/255 to b/255 of what is outstanding, and c & 3 more behind it."""
        flow = self._flow(step)
        span = flow.seen - flow.acked
        left, right = (flow.acked + span * part // 255 for part in sorted((step.a, step.b)))
        seg = flow.says(ACK, self.solo.now)
        if right > left:
            options = seg.options if seg.options.ts_val is not None else Options()
            size = right - left
            blocks = [(left + 2 * n * size, right + 2 * n * size) for n in range(1 + (step.c & 3))]
            options.sack = tuple(block for block in blocks if block[1] <= flow.seen)
            seg.options = options
        self._send(flow, seg)

    def _data(self, step: Step) -> None:
        """Text of a * 8 bytes; b moves its place by so many times its size, as a signed number; c & 1: CE."""
        flow = self._flow(step)
        size = step.a * 8 + (step.c >> 4)
        shift = (step.b ^ 0x80) - 0x80
        seq = max(flow.snd_nxt + shift * (size + 1) // 2, flow.iss + 1)
        seg = flow.says(ACK | PSH, self.solo.now, size=size, seq=seq if shift else None)
        seg.ecn = step.c & 3
        self._send(flow, seg)

    def _fin(self, step: Step) -> None:
        """With text of a bytes; b & 1: what is outstanding is acknowledged."""
        flow = self._flow(step)
        self._speak(flow, ACK | FIN, size=step.a, ack=flow.seen if step.b & 1 else flow.acked)

    def _rst(self, step: Step) -> None:
        """a from where it should be; b & 1: with an ACK."""
        flow = self._flow(step)
        self._speak(flow, RST | (step.b & 1 and ACK), seq=flow.snd_nxt + step.a)

    def _urgent(self, step: Step) -> None:
        """Text of a bytes, and a pointer of b behind its start."""
        flow = self._flow(step)
        flow.tainted = True  # a read may skip the byte
        seg = flow.says(ACK | URG, self.solo.now, size=step.a)
        seg.urg = step.b
        self._send(flow, seg)

    def _segment(self, step: Step) -> None:
        """Flags a; b and c move the sequence and acknowledgement numbers by a signed number of 16, or of 2**24."""
        flow = self._flow(step)
        flow.tainted = True
        shifts = [((n ^ 0x80) - 0x80) for n in (step.b, step.c)]
        seq, ack = (n << 24 if n & 1 else n * 16 for n in shifts)
        self._speak(flow, step.a, size=8, seq=flow.snd_nxt + seq, ack=flow.seen + ack)

    def _repeat(self, step: Step) -> None:
        """One of the last packets arrives again."""
        if self.said:
            self._deliver([self.said[-1 - step.a % len(self.said)]])

    def _udp(self, step: Step) -> None:
        """A datagram of a * b bytes; c picks the ports."""
        size = min(step.a * step.b, 30_000)
        ports = (9, UDP_PORT + (step.c & 7)) if step.c & 8 else (ACTIVE_PORT, 40_000)
        head = make.struct.pack("!HHHH", *ports, udp.HEADER_BYTES + size, 0)
        self._other(step.flow & 1, udp.PROTOCOL, head + text(0, size))

    def _echo(self, step: Step) -> None:
        """A request with a * b bytes; or (c & 1) a reply, to the host's last request if there is one."""
        v6 = step.flow & 1
        protocol, at = (icmpv6.PROTOCOL, 40) if v6 else (icmpv4.PROTOCOL, 20)
        kind = icmpv6.ECHO_REQUEST if v6 else icmpv4.ECHO_REQUEST
        message = make.struct.pack("!BBHHH", kind, 0, 0, step.c, step.flow) + text(0, min(step.a * step.b, 30_000))
        if step.c & 1:
            asked = [p[at:] for p in self.heard if p[0] >> 4 == (4, 6)[v6] and p[at : at + 1] == bytes((kind,))]
            reply = icmpv6.ECHO_REPLY if v6 else icmpv4.ECHO_REPLY
            message = bytes((reply,)) + (asked[-1] if asked else message)[1:]
        self._other(v6, protocol, message)

    def _icmp(self, step: Step) -> None:
        """An error about one of the host's last packets: a its type and code, c the size of the quote."""
        self._error(step, step.a >> 4, step.a & 15, 0)

    def _too_big(self, step: Step) -> None:
        """The MTU is a * 8, about packet b."""
        if self.heard and self._quote(step)[0] >> 4 == 6:
            self._error(step, icmpv6.PACKET_TOO_BIG, 0, step.a * 8)
        else:
            self._error(step, icmpv4.DESTINATION_UNREACHABLE, icmpv4.FRAGMENTATION_NEEDED, step.a * 8)

    def _quote(self, step: Step) -> bytes:
        return self.heard[-1 - step.b % len(self.heard)]

    def _error(self, step: Step, kind: int, code: int, rest: int) -> None:
        if self.heard:
            quote = self._quote(step)
            v6 = quote[0] >> 4 == 6
            quote = quote[: len(quote) if not step.c else 20 + step.c]
            body = make.struct.pack("!BBHI", kind, code, 0, rest) + quote
            self._other(int(v6), icmpv6.PROTOCOL if v6 else icmpv4.PROTOCOL, body)

    def _other(self, family: int, protocol: int, transport: bytes) -> None:
        packets = self.mangler.packets(family, protocol, transport)
        self._taint(None)
        self._deliver(packets)

    # What happens to the next packet: see `fuzz_peer.Mangler`

    def _change(self, step: Step) -> None:
        self.mangler.changes.append(Change(OPS[step.op], step.a, step.b, step.c))

    _patch = _patch_ip = _cut = _fragments = _extension = _change

    def _hold(self, step: Step) -> None:
        """What peers say from now on waits."""
        if self._held_back is None:
            self._held_back = []

    def _release(self, step: Step) -> None:
        """It arrives, all at once; a & 1: the last first, a & 2: without the first."""
        packets, self._held_back = self._held_back or [], None
        self._deliver((packets[::-1] if step.a & 1 else packets)[step.a >> 1 & 1 :])

    # What time does

    def _wait(self, step: Step) -> None:
        """a: for how long; or, from 128 on, until b & 15 more deadlines have passed."""
        if step.a < 128:
            self.solo.advance(self.solo.now + DURATIONS[step.a % len(DURATIONS)])
            return
        for _ in range(1 + (step.b & 15)):
            deadline = self.host.next_deadline()
            if deadline is not None:
                self.solo.advance(deadline)

    def _mtu(self, step: Step) -> None:
        """The device takes packets of another size; c & 3: the host has one address less, or all again; and somebody
        looks at everything.
        """
        self.host.set_mtu((1280, 1400, 1500, 9000)[step.a & 3], self.solo.now)
        addresses = self.config.addresses
        self.host.set_addresses((addresses, addresses[1:], addresses[:1], addresses)[step.c & 3])
        inspect(self.host, self.solo.now)


def _window(code: int) -> int:
    return (65535, 0, 1, 1000, 4096, 20_000)[code % 6]


def one_input(data: bytes) -> None:
    """Runs `data` as the text above says. Raises whatever is not as it should be."""
    Run(data).run()


def explain(data: bytes) -> str:
    """What a program does: instructions, packets with `>` to the host and `<` from it, and how it ends."""
    lines = [f"  settings {data[:4].hex(' ')}: {settings_of(data)}"]
    try:
        Run(data, lines.append).run()
    except Exception as error:
        lines.append(f"{type(error).__name__}: {error}")
    return "\n".join(lines)


if __name__ == "__main__":
    main(__doc__, one_input, explain)
