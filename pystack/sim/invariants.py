"""What holds of every connection whenever nobody is in the middle of changing it, whatever its peer says."""

from itertools import pairwise

from pystack.tcp.connection import Connection
from pystack.tcp.state import State
from pystack.tcp.timers import Timer


def check_connection(c: Connection, now: int) -> None:
    """Raises `AssertionError` where something does not hold. `now` is in nanoseconds."""
    deadline = c.next_deadline()
    assert deadline is None or deadline >= now, "a timer that is past and has not run"
    check_board(c)
    snd = c.tcb.snd
    assert snd.una <= snd.nxt
    assert c.cc.cwnd >= 1
    assert len(c.sendbuf) <= c.config.sndbuf
    if c.tcb.state not in (State.CLOSED, State.TIME_WAIT, State.LISTEN):
        assert bool(c.board) == (snd.una < snd.nxt), "something outstanding, and no record of it"
        assert (c.timers[Timer.RETRANSMIT] is not None) == bool(c.board), "no timer for what is outstanding"
    # Memory held is payload, at most half as much again in buffers that are kept whole, and the overhead of pieces.
    assert c.recvbuf.held + c.reassembly.held <= 2 * c.config.rcvbuf + 2048


def check_board(c: Connection) -> None:
    """The same of the scoreboard: its running sums equal a recount, and its records are one gapless run."""
    board = c.board
    records = list(board)
    assert board.packets_out == sum(r.packets for r in records)
    assert board.lost_out == sum(r.packets for r in records if r.lost)
    assert board.retrans_out == sum(r.packets for r in records if r.retransmitted)
    if c.recovery.sack:
        assert board.sacked_out == sum(r.packets for r in records if r.sacked)
    assert 0 <= board.sacked_out + board.lost_out <= board.packets_out
    assert board.in_flight >= 0
    assert not any(r.sacked and (r.lost or r.retransmitted) for r in records)
    assert all(x.end == y.start for x, y in pairwise(records))
    if records:
        assert records[0].start <= c.tcb.snd.una < records[0].end
        assert records[-1].end == c.tcb.snd.nxt
    due = next((r for r in records if r.lost and not r.retransmitted), None)
    assert board.next_lost() is due
