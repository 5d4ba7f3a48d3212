"""One TCP connection, sans-IO: the only public class of this package.

It is told the time and fed segments, and asked for segments, events and its next deadline; see the methods. What it is
made of is in `core`, and the decisions are in the other rooms: `arrival`, `acks` and `text` for what comes in, `output`
and `header` for what goes out. Nothing here sleeps, reads a clock or knows of IP.
"""

from typing import Any

from pystack.tcp import arrival, closing, output, reading, reports, timeouts
from pystack.tcp.config import TcpConfig
from pystack.tcp.core import Core
from pystack.tcp.drops import Drop
from pystack.tcp.events import Ending, Event
from pystack.tcp.icmp import IcmpError
from pystack.tcp.info import TcpInfo, snapshot
from pystack.tcp.state import TEXT_MAY_ARRIVE, State
from pystack.tcp.timers import Timer
from pystack.tcp.window import receive_window, update_is_due
from pystack.wire.buffers import Buffer
from pystack.wire.tcp import Segment


class Connection(Core):
    """One connection, as the layer above sees it.

    `iss` is the initial send sequence number (see `pystack.tcp.isn`), `advmss` the MSS to announce and the most that
    the path takes (bytes, without options), `default_mss` what holds for a peer that announces none, `ts_offset`
    where its timestamp clock starts, `pressure` the host's shortage of memory. Make one with `active` or `passive`.
    """

    __slots__ = ()

    @classmethod
    def active(cls, config: TcpConfig, **ends: Any) -> "Connection":
        """An active OPEN (RFC 9293 section 3.9.1.1): the next `poll_transmit` gives the SYN. `ends` as in the class."""
        c = cls(config, **ends)
        c.active_open = True
        c.tcb.enter(State.SYN_SENT)
        return c

    @classmethod
    def passive(cls, config: TcpConfig, **ends: Any) -> "Connection":
        """A passive OPEN for one peer: LISTEN, to be fed with the SYN."""
        c = cls(config, **ends)
        c.tcb.enter(State.LISTEN)
        return c

    # What the network does

    def receive(self, seg: Segment, now: int) -> Drop | None:
        """A segment has arrived (RFC 9293 section 3.10.7). Its checksum is good; its numbers are as on the wire, and
        are unwrapped in place. Returns why it, or its text, was not taken, for a counter.
        """
        self.stats.segs_in += seg.segs
        if seg.size:
            self.stats.data_segs_in += seg.segs
        return arrival.segment_arrives(self, seg, now)

    def poll_transmit(self, now: int, budget: int) -> Segment | None:
        """The next segment to send, None when nothing is due. `budget`: most bytes of text in one super-segment; at
        least one packet's worth is always allowed. A segment that was handed out counts as sent.
        """
        if self.prefs.changed:
            timeouts.follow_preferences(self, now)
        seg = output.next_segment(self, now, budget)
        if seg is not None:
            self.stats.segs_out += seg.segs
        elif self.established_at:
            output.note_limit(self, now)
        return seg

    def on_icmp(self, error: IcmpError, now: int) -> bool:
        """ICMP reports an error about a segment of this connection; returns whether it was believed (RFC 5927)."""
        return reports.on_icmp(self, error, now)

    def path_mss_is(self, mss: int) -> None:
        """The path takes packets with `mss` bytes of text and options, and no more (RFC 1191, 8201)."""
        reports.path_mss_is(self, mss)

    def next_deadline(self) -> int | None:
        """When `on_deadline` wants to be called, in nanoseconds; None: not before something else happens."""
        earliest = self.timers.next()
        delayed = self.acks.deadline
        if earliest is None or (delayed is not None and delayed < earliest):
            return delayed
        return earliest

    def on_deadline(self, now: int) -> None:
        """The clock has reached `now`: timers that are due run (RFC 9293 section 3.10.8)."""
        if self.acks.deadline is not None and self.acks.deadline <= now:
            self.acks.on_deadline()
        for timer in self.timers.take_due(now):
            if self.ending is None:
                timeouts.expired(self, timer, now)

    @property
    def ack_is_due(self) -> bool:
        """Whether an ACK goes out with the next `poll_transmit`, be it for the window that a `recv` has opened."""
        return self.acks.now

    @property
    def state(self) -> State:
        """RFC 9293's state."""
        return self.tcb.state

    # What the application does

    def send(self, data: Buffer, *, more: bool = False, urgent: bool = False, record: bool = False) -> int:
        """Queues text; returns how many bytes were taken, which is less than all when the buffer is full. With `more` a
        packet that is not full waits for what follows; with `urgent` the last byte taken is urgent data (RFC 6093);
        with `record` nothing that follows goes into the same packet, if all was taken.
        """
        room = self.send_room
        if len(data) > room:
            self.limits.wants_room = True
        if room <= 0:
            return 0
        cut = len(data) > room
        if cut:
            data = memoryview(data)[:room]
        start, snd = self.sendbuf.end, self.tcb.snd
        self.sendbuf.append(data if isinstance(data, bytes) else bytes(data))
        end = self.sendbuf.end
        self.pushes.queued(
            start,
            end,
            unsent=snd.nxt,
            mss=self.snd_mss,
            max_wnd=snd.max_wnd,
            more=more and not cut,
            record=record and not cut,
        )
        self.more = more
        if urgent:
            snd.up = end
        return len(data)

    def recv(self, limit: int) -> bytes:
        """Removes and returns up to `limit` bytes of in-order text; empty where there is none (then `eof` tells
        whether more can come). Stops at the mark of urgent data. The window may open, which the next `poll_transmit`
        tells the peer.
        """
        data = reading.take(self, limit)
        self.stats.bytes_read += len(data)
        if data and self.tcb.state in TEXT_MAY_ARRIVE:
            self.acks.on_read(not self.recvbuf.size)
            offer = receive_window(self)
            if update_is_due(offer, self.receive_limit, self.tcb.rcv.wnd):
                self.acks.now = True
        return data

    def peek(self, limit: int) -> bytes:
        """What `recv` would give, left where it is."""
        return reading.peek(self, limit)

    def recv_urgent(self) -> bytes | None:
        """The out-of-band byte, once (recv with MSG_OOB); empty while it is announced and has not arrived, None where
        there is none to read.
        """
        return reading.take_urgent(self)

    @property
    def readable(self) -> int:
        """How many bytes `recv` could give, the out-of-band byte not counted."""
        return self.recvbuf.size - (self.urgent.at is not None and reading.holds_urgent(self))

    @property
    def at_mark(self) -> bool:
        """Whether the next byte to be read is that of urgent data, or was it (RFC 9293 MUST-33)."""
        return self.urgent.is_at(reading.read_next(self))

    def shutdown_write(self) -> None:
        """Ends this side after what is queued (RFC 9293 section 3.9.1.4 CLOSE, as half-close). No effect when done
        before.
        """
        closing.shutdown_write(self)

    def close(self, now: int) -> None:
        """The application lets go. Text that it has not read gives a RST, so that the peer learns that it was lost
        (RFC 9293 SHLD-3); otherwise the connection closes in order, on its own.
        """
        closing.close(self, now)

    def abort(self) -> None:
        """Ends the connection at once with a RST (RFC 9293 section 3.10.5)."""
        closing.abort(self)

    def leave_time_wait(self) -> None:
        """The connection is CLOSED; what is left of TIME-WAIT is somebody else's matter (`pystack.stack.timewait`)."""
        closing.finish(self, Ending.NORMAL)

    def discard(self) -> None:
        """Takes the connection for CLOSED, in whatever state a defect of ours has left it. No RST, no event, and
        nothing that can fail.
        """
        self.ending = self.ending or Ending.ABORTED
        self.tcb.state = State.CLOSED

    def poll_event(self) -> Event:
        """What has happened since the last call; no flag: nothing."""
        events = self.events
        if events:
            self.events = Event(0)
        return events

    def info(self, now: int) -> TcpInfo:
        """A frozen snapshot with tcp_info's names."""
        return snapshot(self, now)

    def defer(self, until: int) -> None:
        """The handshake is complete, but the listener waits for text until then: nothing is sent again before."""
        self.retransmits = 0
        self.timers.set(Timer.RETRANSMIT, until)

    def drop_out_of_order(self) -> int:
        """The host is short of memory: forgets the text that is not in order, which the peer has to send again (RFC
        2018 section 8 allows it). Returns how many bytes that frees.
        """
        freed = self.reassembly.held
        self.reassembly.clear()
        return freed
