"""Loss recovery: NewReno (RFC 6582) without selective acknowledgements, RFC 6675 with them."""

from pystack.tcp.congestion.reno import Reno
from pystack.tcp.delivered import Delivered
from pystack.tcp.record import Record
from pystack.tcp.recovery import CaState, Recovery
from pystack.tcp.scoreboard import Scoreboard

MSS = 100


def outstanding(packets: int) -> Scoreboard:
    board = Scoreboard()
    for n in range(packets):
        board.sent(Record(n * MSS, (n + 1) * MSS, MSS, n, 0, False))
    return board


def lost_starts(board: Scoreboard) -> list[int]:
    return [r.start for r in board if r.lost and not r.retransmitted]


class Episode:
    """A sender with ten packets out, fed with acknowledgements."""

    def __init__(self, sack: bool, packets: int = 10) -> None:
        self.board = outstanding(packets)
        self.nxt = packets * MSS
        self.una = 0
        self.cc = Reno(packets)
        self.recovery = Recovery(-1)
        self.recovery.sack = sack

    def duplicate(self) -> bool:
        self.recovery.on_duplicate_ack(self.una, self.board)
        return self.detect()

    def sacks(self, left: int, right: int) -> bool:
        self.board.selectively_acknowledge(left * MSS, right * MSS, Delivered(1000))
        return self.detect()

    def acks(self, packet: int) -> bool:
        delivered = Delivered(1000)
        self.board.acknowledge(packet * MSS, delivered)
        self.una = packet * MSS
        self.recovery.on_cumulative_ack(self.una, delivered.acked, self.board)
        return self.detect()

    def detect(self) -> bool:
        return self.recovery.detect(self.una, self.nxt, self.board, self.cc, 1000)

    def resend(self) -> list[int]:
        found = []
        while (record := self.board.next_lost()) is not None:
            found += [r.start // MSS for r in self.board.retransmitted(record, 1, 1000)]
        return found


def test_the_third_duplicate_ack_starts_fast_retransmit() -> None:
    e = Episode(sack=False)
    assert [e.duplicate(), e.duplicate(), e.duplicate()] == [False, False, True]
    assert e.recovery.state is CaState.RECOVERY
    assert (e.cc.ssthresh, e.cc.cwnd) == (5, 5)
    assert lost_starts(e.board) == [0]
    assert e.board.in_flight == 10 - 3 - 1


def test_one_lost_packet_goes_whatever_the_window_says() -> None:
    """RFC 5681 section 3.2 step 3: the fast retransmit itself; nothing new goes with it."""
    e = Episode(sack=False)
    assert e.recovery.room(e.board, e.cc) == 0
    for _ in range(3):
        e.duplicate()
    assert e.board.in_flight == 6 > e.cc.cwnd == 5
    assert e.recovery.room(e.board, e.cc, resend=True) == 1
    assert e.recovery.room(e.board, e.cc) == -1
    e.recovery.must_resend = False
    assert e.recovery.room(e.board, e.cc, resend=True) == -1


def test_further_duplicates_do_not_resend_what_is_on_its_way_again() -> None:
    """RFC 5681 section 3.2 step 4: each only says that one more packet has left the network."""
    e = Episode(sack=False)
    for _ in range(3):
        e.duplicate()
    assert e.resend() == [0]
    for left in (4, 5, 6):
        assert e.duplicate() is False
        assert e.board.sacked_out == left
        assert e.resend() == []


def test_the_threshold_is_half_of_what_is_in_flight_not_of_what_might_be() -> None:
    """RFC 5681 equation 4."""
    for sack in (False, True):
        e = Episode(sack)
        e.cc = Reno(40)
        if sack:
            e.sacks(5, 8)
        else:
            for _ in range(3):
                e.duplicate()
        assert (e.cc.ssthresh, e.cc.cwnd) == (5, 5)
        e = Episode(sack)
        e.cc = Reno(40)
        e.recovery.on_timeout(0, e.nxt, e.board, e.cc, 1000)
        assert (e.cc.ssthresh, e.cc.cwnd) == (5, 1)


def test_two_duplicates_are_disorder_only() -> None:
    e = Episode(sack=False)
    e.duplicate()
    e.duplicate()
    assert e.recovery.state is CaState.DISORDER
    assert lost_starts(e.board) == []
    assert e.acks(1) is False
    e.acks(10)
    assert e.recovery.state is CaState.OPEN


def test_a_partial_ack_resends_the_next_packet_and_keeps_the_window() -> None:
    e = Episode(sack=False)
    for _ in range(3):
        e.duplicate()
    assert e.resend() == [0]
    assert e.acks(4) is False
    assert e.recovery.state is CaState.RECOVERY
    assert e.resend() == [4]
    assert e.cc.cwnd == 5
    e.acks(10)
    assert e.recovery.state is CaState.OPEN
    assert e.board.sacked_out == 0


def test_duplicates_caused_by_an_earlier_episode_start_no_new_one() -> None:
    e = Episode(sack=False)
    for _ in range(3):
        e.duplicate()
    e.resend()
    e.acks(10)
    for n in range(10, 20):
        e.board.sent(Record(n * MSS, (n + 1) * MSS, MSS, n, 0, False))
    e.nxt = 20 * MSS
    assert [e.duplicate() for _ in range(5)] == [False] * 5  # SND.UNA is not beyond `recover`
    assert e.cc.cwnd == 5, "and do not reduce the window again"


def test_copies_of_acks_never_make_the_flight_negative() -> None:
    e = Episode(sack=False, packets=5)
    for _ in range(9):
        e.duplicate()
    assert e.board.sacked_out + e.board.lost_out <= e.board.packets_out
    assert e.board.in_flight >= 0
    e.resend()
    e.acks(1)
    assert e.board.sacked_out + e.board.lost_out <= e.board.packets_out
    assert e.board.in_flight >= 0


def test_sack_marks_what_lies_three_packets_below() -> None:
    e = Episode(sack=True)
    assert e.sacks(3, 5) is False
    assert e.sacks(5, 6) is True
    assert lost_starts(e.board) == [0, 100, 200]
    assert (e.cc.ssthresh, e.cc.cwnd) == (5, 5)  # half of the ten that are not cumulatively acknowledged
    assert e.resend() == [0, 1, 2]
    assert e.sacks(8, 9) is False, "one reduction for one window"
    assert lost_starts(e.board) == []
    assert e.sacks(9, 10) is False
    assert e.sacks(7, 8) is False
    assert lost_starts(e.board) == [600]
    assert e.cc.cwnd == 5


def test_a_timeout_takes_all_for_lost_and_reduces_once() -> None:
    e = Episode(sack=True)
    e.sacks(8, 9)
    e.recovery.on_timeout(0, e.nxt, e.board, e.cc, 1000)
    assert e.recovery.state is CaState.LOSS
    assert (e.cc.ssthresh, e.cc.cwnd) == (5, 1)
    assert lost_starts(e.board) == [n * MSS for n in (0, 1, 2, 3, 4, 5, 6, 7, 9)]
    e.cc.cwnd = 3
    e.recovery.on_timeout(0, e.nxt, e.board, e.cc, 2000)
    assert (e.cc.ssthresh, e.cc.cwnd) == (5, 1)
    assert e.recovery.cwnd_may_grow
    e.acks(10)
    assert e.recovery.state is CaState.OPEN


def test_without_sack_a_timeout_forgets_the_duplicates() -> None:
    e = Episode(sack=False)
    e.duplicate()
    e.recovery.on_timeout(0, e.nxt, e.board, e.cc, 1000)
    assert (e.board.sacked_out, e.board.lost_out, e.board.in_flight) == (0, 10, 0)
    assert e.duplicate() is False
    assert e.board.sacked_out == 0, "all is lost: a duplicate cannot stand for any of it"


class Rate(Reno):
    """Has no threshold, as a controller that follows a measured rate."""

    def on_loss(self, in_flight: int, now: int) -> None:
        self.cwnd = 8


def test_a_controller_without_a_threshold_keeps_its_window() -> None:
    e = Episode(sack=True)
    e.cc = Rate(10)
    assert e.sacks(5, 8) is True
    assert e.cc.cwnd == 8
    e.acks(10)
    assert e.recovery.on_ecn_echo(e.nxt, 8, e.cc, 2000)
    assert e.cc.cwnd == 8


def test_the_window_does_not_grow_in_fast_recovery() -> None:
    e = Episode(sack=True)
    assert e.recovery.cwnd_may_grow
    e.sacks(5, 8)
    assert not e.recovery.cwnd_may_grow
