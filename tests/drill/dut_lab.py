"""A DUT and the peer of its connections: packets are written short and shown short, numbers are relative."""

from typing import Any

from pystack.drill.dut import Done, Failed, Fd, Pending, Setup
from pystack.drill.stackdut import StackDut
from pystack.ip.address import family_of
from pystack.stack.segments import packet_of
from pystack.wire import tcp
from pystack.wire.checksum import pseudo_sum
from pystack.wire.options import Options, build
from pystack.wire.tcp import Segment, flag_letters

MS = 1_000_000
SECOND = 1_000_000_000
OURS, THEIRS = bytes((192, 168, 0, 1)), bytes((192, 0, 2, 1))
OURS6, THEIRS6 = bytes.fromhex("fd3d0a0b17d6" + "0" * 18 + "01"), bytes.fromhex("fd3dfa7bd17d" + "0" * 18 + "01")
STREAM, TCP, DGRAM, UDP = 1, 6, 2, 17
LETTERS = {letter: bit for bit in (1, 2, 4, 8, 16, 32, 64, 128) for letter in flag_letters(bit)}


class Lab:
    """`dut` with what a script would do to it. Times shown are milliseconds from the start."""

    def __init__(self, *, ours: bytes = OURS, theirs: bytes = THEIRS, **setup: Any) -> None:
        self.ours, self.theirs = ours, theirs
        self.dut = StackDut()
        self.dut.reset(Setup(local_ip=ours, remote_ip=theirs, **setup))
        self.began = self.dut.now
        self.their_port, self.our_port = 40000, 8080
        self.iss, self.irs = 0, 0
        self.segments: list[Segment] = []

    # The application

    def does(self, name: str, *args: Any) -> Any:
        """A call that ends at once: its value, or the name of its errno."""
        return self.result(self.dut.call(name, tuple(args)))

    def begins(self, name: str, *args: Any) -> int:
        """A call that waits; returns its token."""
        result = self.dut.call(name, tuple(args))
        assert isinstance(result, Pending), result
        return result.token

    def result(self, result: Any) -> Any:
        assert not isinstance(result, Pending)
        return result.value if isinstance(result, Done) else result.errno

    def details(self, name: str, *args: Any) -> Any:
        result = self.dut.call(name, tuple(args))
        assert isinstance(result, Done), result
        return result.details

    def ended(self, token: int) -> tuple[Any, float] | None:
        """How a call that waited has ended, and when; None: it waits."""
        result = self.dut.poll(token)
        if isinstance(result, Pending):
            return None
        assert isinstance(result, Done | Failed)
        assert result.at is not None
        return self.result(result), (result.at - self.began) / MS

    def socket(self, number: int = 3, kind: int = STREAM, proto: int = TCP) -> Fd:
        self.dut.bind_fd(number, self.does("socket", ..., kind, proto))
        return Fd(number)

    def listener(self, backlog: int = 5) -> Fd:
        fd = self.socket()
        assert self.does("setsockopt", fd, 1, 2, (1,), 4) == 0
        assert self.does("bind", fd, ..., ...) == 0
        assert self.does("listen", fd, backlog) == 0
        return fd

    def accepted(self, number: int = 4, **options: Any) -> Fd:
        """A connection that the peer has opened and the application accepted."""
        listener = self.listener()
        options = options or {"mss": 1000}
        self.says("S", 0, wnd=options.pop("wnd", 32792), **options)
        self.hears()
        self.says(".", 1, 1)
        self.dut.bind_fd(number, self.does("accept", listener, ..., ...))
        return Fd(number)

    def waits(self, milliseconds: float) -> None:
        self.dut.advance(self.dut.now + int(milliseconds * MS))

    # The peer

    def says(self, flags: str, seq: int, ack: int = 0, size: int = 0, wnd: int = 32792, **options: Any) -> None:
        bits = sum(LETTERS[letter] for letter in flags)
        seg = Segment(
            (self.irs + seq) % 2**32,
            (self.iss + ack) % 2**32 if "." in flags else 0,
            bits,
            wnd,
            (bytes(size),) if size else (),
            size,
            Options(**options),
        )
        seg.src_port, seg.dst_port = self.their_port, self.our_port
        pseudo = pseudo_sum(self.theirs, self.ours, tcp.PROTOCOL, 0)
        packet = packet_of(seg, self.theirs, self.their_port, self.ours, self.our_port, pseudo, 64)
        self.dut.inject(bytes(packet))

    def hears(self) -> list[str]:
        """What the stack has sent: `milliseconds flags first:next(bytes) ack number`; the segments are in `segments`.
        The SYN's number becomes 0, as in scripts.
        """
        shown = []
        self.segments = []
        for at, packet in self.dut.drain():
            data = memoryview(packet)[family_of(self.ours).HEADER_BYTES :]
            seg = tcp.parse(data, pseudo_sum(self.ours, self.theirs, tcp.PROTOCOL, len(data)))
            self.segments.append(seg)
            if seg.flags & tcp.SYN:
                self.iss, self.our_port = seg.seq, seg.src_port
            start = (seg.seq - self.iss) % 2**32
            ack = f" ack {(seg.ack - self.irs) % 2**32}" if seg.flags & tcp.ACK else ""
            ms = round((at - self.began) / MS, 3)
            shown.append(f"{ms:g} {flag_letters(seg.flags)} {start}:{start + seg.size}({seg.size}){ack}")
        return shown

    def options(self) -> bytes:
        """The option bytes of the segment that was heard last."""
        return build(self.segments[-1].options)
