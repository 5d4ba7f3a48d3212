"""Loss recovery: when a connection enters and leaves it. Which packets are lost is decided in `pystack.tcp.loss`.

With selective acknowledgements the rules are those of RFC 6675; without them, those of NewReno (RFC 6582), where the
duplicate ACKs are counted as packets that have left the network. The congestion controller is told once per window.
"""

from enum import IntEnum

from pystack.tcp import loss
from pystack.tcp.congestion.base import INFINITE_SSTHRESH, CongestionControl
from pystack.tcp.scoreboard import Scoreboard


class CaState(IntEnum):
    """Linux's names and values for the states of loss recovery (tcp_info's ca_state)."""

    OPEN = 0
    DISORDER = 1
    CWR = 2
    RECOVERY = 3
    LOSS = 4


class Recovery:
    """The state of loss recovery. `high_seq` is RFC 6675's RecoveryPoint: SND.NXT when the present or the latest
    episode began; `sack` whether the peer sends selective acknowledgements; `must_resend` whether one lost packet goes
    out whatever the window says: the fast retransmit itself (RFC 5681 section 3.2 step 3, RFC 6675 section 5 step 4.3),
    and the answer to a partial acknowledgement (RFC 6582 section 3.2 step 3).
    """

    __slots__ = ("entered_once", "high_seq", "must_resend", "sack", "state")

    def __init__(self, iss: int) -> None:
        self.state = CaState.OPEN
        self.high_seq = iss
        self.sack = False
        self.entered_once = False
        self.must_resend = False

    @property
    def cwnd_may_grow(self) -> bool:
        """Whether acknowledgements may open the window: not in fast recovery (RFC 5681 section 3.2), nor while the
        window that a congestion mark has cut is still in flight (RFC 3168 section 6.1.2).
        """
        return self.state not in (CaState.RECOVERY, CaState.CWR)

    def room(self, board: Scoreboard, cc: CongestionControl, *, resend: bool = False) -> int:
        """How many packets may go now; below one: none. `resend`: for what was lost, of which one may be due anyhow."""
        room = cc.cwnd - board.in_flight
        return max(room, 1) if resend and self.must_resend else room

    def on_duplicate_ack(self, una: int, board: Scoreboard) -> None:
        """Without SACK: another packet has left the network; but not where the duplicates may be those of an episode
        that is over (RFC 6582 section 3.2 step 2).
        """
        stale = self.state is CaState.OPEN and self.entered_once and una <= self.high_seq
        if not self.sack and not stale:
            board.count_duplicate()

    def on_cumulative_ack(self, una: int, packets: int, board: Scoreboard) -> None:
        """SND.UNA has advanced to `una` over `packets` packets: recovery may be over, or the acknowledgement be
        partial.
        """
        if not self.sack:
            # One packet filled the hole; the others are those that the duplicate ACKs had stood for.
            board.release_duplicates(max(packets - 1, 0))
        if self.state in (CaState.CWR, CaState.RECOVERY, CaState.LOSS):
            # A reduction for a mark lasts until something sent after it is acknowledged: the CWR flag is on the first.
            if una > self.high_seq or (una == self.high_seq and self.state is not CaState.CWR):
                self.state = CaState.OPEN
                if not self.sack:
                    board.forget_duplicates()
            elif not self.sack and self.state is CaState.RECOVERY and board:
                board.mark_head_lost()  # RFC 6582 section 3.2 step 3: a partial acknowledgement
                self.must_resend = True
        if self.state is CaState.DISORDER and not board.sacked_out:
            self.state = CaState.OPEN

    def detect(self, una: int, nxt: int, board: Scoreboard, cc: CongestionControl, now: int) -> bool:
        """Looks for losses after an acknowledgement; returns True where fast recovery begins with it."""
        if self.sack:
            found = loss.by_sacks(board)
        else:
            # RFC 6582 section 3.2 step 2: not for duplicates that an earlier episode has caused, nor for this one's.
            stale = self.entered_once and una <= self.high_seq
            found = not stale and loss.by_duplicates(board)
        if self.state in (CaState.RECOVERY, CaState.LOSS):
            return False
        if found:
            if self.state is not CaState.CWR:  # one reduction for each window
                # FlightSize is what is not cumulatively acknowledged (RFC 6675 step 4.2), but for limited transmit.
                cc.on_loss(min(board.packets_out, cc.cwnd), now)
                _reduce(cc)
            self._enter(CaState.RECOVERY, nxt)
            return True
        if self.state is not CaState.CWR:
            self.state = CaState.DISORDER if board.sacked_out else CaState.OPEN
        return False

    def on_ecn_echo(self, nxt: int, in_flight: int, cc: CongestionControl, now: int) -> bool:
        """The peer echoes a congestion mark; returns True where the window is reduced for it: once for each window,
        and not while a loss has it reduced already (RFC 3168 section 6.1.2).
        """
        if self.state not in (CaState.OPEN, CaState.DISORDER):
            return False
        cc.on_ecn(in_flight, now)
        _reduce(cc)
        self.state = CaState.CWR
        self.high_seq = nxt
        return True

    def on_timeout(self, una: int, nxt: int, board: Scoreboard, cc: CongestionControl, now: int) -> None:
        """The retransmission timer has expired: everything outstanding is taken for lost (RFC 5681 section 3.1; RFC
        6675 section 5.1). A further time-out of the same data does not reduce ssthresh again.
        """
        repeated = self.state is CaState.LOSS and una < self.high_seq
        cc.on_rto(board.packets_out, now, repeated=repeated)
        board.mark_all_lost()
        if not self.sack:
            board.forget_duplicates()
        self._enter(CaState.LOSS, nxt)

    def on_smaller_path(self, nxt: int, board: Scoreboard) -> None:
        """Packets were too large for the path, and go again in smaller ones: as after a time-out, but no congestion
        has lost them, and the window stays.
        """
        if not self.sack:
            board.forget_duplicates()  # the duplicates stood for packets that are lost now
        if self.state is not CaState.LOSS:
            self._enter(CaState.LOSS, nxt)

    def _enter(self, state: CaState, nxt: int) -> None:
        self.state = state
        self.high_seq = nxt
        self.entered_once = True
        self.must_resend = state is CaState.RECOVERY


def _reduce(cc: CongestionControl) -> None:
    """The window falls to the new threshold. A controller that has none keeps its own window."""
    if cc.ssthresh < INFINITE_SSTHRESH:
        cc.cwnd = cc.ssthresh
