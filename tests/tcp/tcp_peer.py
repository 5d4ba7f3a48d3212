"""A scripted peer of one connection: it gives segments, and shows what the connection sends."""

from typing import Any

from pystack.tcp.config import TcpConfig
from pystack.tcp.connection import Connection
from pystack.tcp.drops import Drop
from pystack.tcp.state import State
from pystack.wire.options import Options
from pystack.wire.tcp import Segment, flag_letters

MS = 1_000_000
SECOND = 1_000_000_000

ISS, IRS = 1_000_000, 5_000_000
LETTERS = {letter: bit for bit in (1, 2, 4, 8, 16, 32, 64, 128) for letter in flag_letters(bit)}
PLAIN = TcpConfig(timestamps=False, window_scaling=False, sack=False)
"""No options but the MSS, so that a test shows only what it is about."""


class Peer:
    """All numbers are relative: our SYN and the peer's have number 0, so that text starts at 1.

    A segment is shown as `flags first:next(bytes) ack number`, with `.` for ACK. Times are nanoseconds from the start.
    """

    def __init__(self, config: TcpConfig = PLAIN, *, active: bool = True, iss: int = ISS, irs: int = IRS) -> None:
        make = Connection.active if active else Connection.passive
        self.c = make(config, iss=iss, advmss=1460, default_mss=536, ts_offset=7)
        self.now = 1 * SECOND
        self.iss, self.irs = iss, irs
        self.sent: list[Segment] = []
        self.ts_val: int | None = None
        """Where set, every segment has a timestamp."""

    @property
    def state(self) -> State:
        return self.c.tcb.state

    def gives(
        self, flags: str = ".", seq: int = 1, ack: int = 1, text: bytes | int = b"", wnd: int = 65535, **options: Any
    ) -> list[str]:
        """The peer sends a segment (text: bytes, or how many); returns what the connection sends then."""
        self.puts(flags, seq, ack, text, wnd, **options)
        return self.takes()

    def puts(
        self, flags: str = ".", seq: int = 1, ack: int = 1, text: bytes | int = b"", wnd: int = 65535, **options: Any
    ) -> Drop | None:
        """The same, without asking for the answer; returns why it was not taken."""
        if isinstance(text, int):
            text = bytes(text)
        if self.ts_val is not None:
            options.setdefault("ts_val", self.ts_val)
        if "sack" in options:
            options["sack"] = tuple(
                ((left + self.iss) % 2**32, (right + self.iss) % 2**32) for left, right in options["sack"]
            )
        bits = sum(LETTERS[letter] for letter in flags)
        seg = Segment(
            (self.irs + seq) % 2**32,
            (self.iss + ack) % 2**32 if "." in flags else 0,
            bits,
            wnd,
            (text,) if text else (),
            len(text),
            Options(**options),
        )
        return self.c.receive(seg, self.now)

    def takes(self, budget: int = 0) -> list[str]:
        """Everything that the connection wants to send now."""
        found = []
        while (seg := self.c.poll_transmit(self.now, budget)) is not None:
            self.sent.append(seg)
            found.append(self.show(seg))
            assert len(found) < 10_000
        return found

    def show(self, seg: Segment) -> str:
        start = seg.seq - self.iss if seg.seq or seg.flags & 16 else 0
        ack = f" ack {seg.ack - self.irs}" if seg.flags & 16 else ""
        return f"{flag_letters(seg.flags)} {start}:{start + seg.size}({seg.size}){ack}"

    def waits(self, duration: int) -> list[tuple[int, str]]:
        """Time goes on; returns what is sent in it, with how many milliseconds have passed."""
        began, end = self.now, self.now + duration
        found = []
        while (deadline := self.c.next_deadline()) is not None and deadline <= end:
            assert deadline >= self.now
            self.now = deadline
            self.c.on_deadline(self.now)
            after = self.c.next_deadline()
            assert after is None or after > self.now
            found += [((self.now - began) // MS, shown) for shown in self.takes()]
        self.now = end
        return found

    def sends(self, text: bytes | int, budget: int = 0) -> list[str]:
        """The application sends (bytes, or how many); returns what goes out."""
        data = bytes(text) if isinstance(text, int) else text
        assert self.c.send(data) == len(data)
        return self.takes(budget)

    def reads(self, limit: int = 1 << 20) -> tuple[bytes, list[str]]:
        """The application reads."""
        data = self.c.recv(limit)
        return data, self.takes()


def established(
    config: TcpConfig = PLAIN, *, active: bool = True, wnd: int = 65535, quick: bool = False, **options: Any
) -> Peer:
    """A connection after its handshake. `options` are those of the peer's SYN. The quick ACKs of the start are used
    up unless `quick`.
    """
    p = Peer(config, active=active)
    options.setdefault("mss", 1460)
    if active:
        p.takes()
        p.gives("S.", seq=0, wnd=wnd, **options)
    else:
        p.gives("S", seq=0, wnd=wnd, **options)
        p.gives(".", wnd=wnd, **({"ts_val": options["ts_val"]} if "ts_val" in options else {}))
    assert p.state is State.ESTABLISHED
    if not quick:
        p.c.acks._quick = 0
    p.sent.clear()
    return p


def in_state(state: State, config: TcpConfig = PLAIN) -> Peer:
    """A connection in any state but LISTEN and CLOSED, with nothing sent and nothing received but what that takes."""
    if state is State.SYN_SENT:
        p = Peer(config)
        p.takes()
        return p
    if state is State.SYN_RECEIVED:
        p = Peer(config, active=False)
        p.gives("S", seq=0, mss=1460)
        return p
    p = established(config)
    if state in (State.CLOSE_WAIT, State.LAST_ACK):
        p.gives("F.")
    if state in (State.FIN_WAIT_1, State.FIN_WAIT_2, State.CLOSING, State.TIME_WAIT, State.LAST_ACK):
        p.c.shutdown_write()
        p.takes()
    if state in (State.FIN_WAIT_2, State.TIME_WAIT):
        p.gives(".", ack=2)
    if state is State.CLOSING:
        p.gives("F.", ack=1)
    if state is State.TIME_WAIT:
        p.gives("F.", ack=2)
    assert p.state is state, p.state
    p.sent.clear()
    return p
