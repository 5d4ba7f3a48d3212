"""What a host remembers of a connection in TIME-WAIT that no application holds any more. Linux: tcp_timewait_sock."""

from typing import Final

from pystack.stack.endpoint import Endpoint
from pystack.stack.segments import packet_of
from pystack.tcp.seq import before, unwrap
from pystack.tcp.timers import Timer
from pystack.tcp.timewait import Verdict, judge
from pystack.wire import tcp
from pystack.wire.checksum import pseudo_sum
from pystack.wire.options import NO_OPTIONS, Options
from pystack.wire.packet import Packet
from pystack.wire.tcp import ACK, FIN, RST, SYN, Segment

HELD: Final = 768
"""What one takes, in bytes, with its places in the host's tables; a connection takes six times as much."""

_ISN_STEP = 65537
"""The new ISN lies this far beyond the old SND.NXT, so that old segments cannot be taken for new ones; Linux's step."""


class TimeWait:
    """A connection of which nothing is left to do but to answer, until 2 MSL are over. Takes the place of its endpoint
    (`id`, `key`), whose connection is in TIME-WAIT.
    """

    __slots__ = (
        "_challenges",
        "_config",
        "_rcv_nxt",
        "_rcv_wnd",
        "_rcv_wscale",
        "_snd_nxt",
        "_tos",
        "_ts",
        "_ttl",
        "armed",
        "deadline",
        "id",
        "key",
    )

    def __init__(self, endpoint: Endpoint) -> None:
        c = endpoint.connection
        self.id = endpoint.id
        self.key = endpoint.key
        self.armed: tuple[int, int, int] | None = None
        """The live entry on the host's heap of deadlines."""
        self.deadline = c.timers[Timer.LINGER] or 0
        """When 2 MSL are over."""
        self._ttl = endpoint.ttl
        self._tos = endpoint.tos
        self._snd_nxt = c.tcb.snd.nxt
        self._rcv_nxt = c.tcb.rcv.nxt
        self._rcv_wnd = c.tcb.rcv.wnd
        self._rcv_wscale = c.agreed.rcv_wscale
        self._ts = c.ts if c.agreed.timestamps else None
        self._challenges = c.challenges
        self._config = c.config

    def next_deadline(self) -> int:
        """When it is over, in nanoseconds."""
        return self.deadline

    def receive(self, seg: Segment, now: int) -> Verdict:
        """A segment has arrived, with its numbers as on the wire; they are unwrapped in place."""
        seg.seq = unwrap(seg.seq, self._rcv_nxt)
        seg.ack = unwrap(seg.ack, self._snd_nxt)
        verdict = judge(
            seg,
            now,
            snd_nxt=self._snd_nxt,
            rcv_nxt=self._rcv_nxt,
            rcv_wnd=self._rcv_wnd,
            ts=self._ts,
            challenges=self._challenges,
            rfc1337=self._config.rfc1337,
        )
        if verdict.restarts:
            self.deadline = now + self._config.time_wait
        return verdict

    def answer(self, now: int) -> Packet:
        """The ACK: <SEQ=SND.NXT><ACK=RCV.NXT>."""
        ts = self._ts
        options = NO_OPTIONS if ts is None else Options(ts_val=ts.val(now), ts_ecr=ts.recent)
        wnd = self._rcv_wnd >> self._rcv_wscale
        seg = Segment(self._snd_nxt, self._rcv_nxt, ACK, wnd, options=options, reason="ack")
        local, local_port, remote, remote_port = names_in(self.key)
        pseudo = pseudo_sum(local, remote, tcp.PROTOCOL, 0)
        return packet_of(seg, local, local_port, remote, remote_port, pseudo, self._ttl, self._tos)

    def successor(self, seg: Segment) -> int | None:
        """The initial sequence number of the connection that `seg`, with its numbers as on the wire, may begin in this
        place; None where it may not.

        It may where its timestamp is newer than any of the old connection's, or its sequence number lies beyond the
        last that the peer used (RFC 6191; RFC 1122 section 4.2.2.13; RFC 9293 MAY-2, SHLD-4).
        """
        if seg.flags & (SYN | ACK | RST | FIN) != SYN:
            return None
        val, ts = seg.options.ts_val, self._ts
        if val is not None and ts is not None and val != ts.recent:
            newer = before(ts.recent, val)
        else:
            newer = unwrap(seg.seq, self._rcv_nxt) > self._rcv_nxt
        return self._snd_nxt + _ISN_STEP & 0xFFFFFFFF if newer else None


def names_in(key: bytes) -> tuple[bytes, int, bytes, int]:
    """The local address and port and the remote ones of a connection's key (see `connections.key_of`)."""
    size = len(key) // 2 - 2
    return key[size:-4], int.from_bytes(key[-2:], "big"), key[:size], int.from_bytes(key[-4:-2], "big")
