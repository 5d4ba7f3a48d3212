"""The scoreboard, against a naive list with one entry a packet (RFC 6675, RFC 2018)."""

from hypothesis import given, settings
from hypothesis import strategies as st

from pystack.tcp import loss
from pystack.tcp.delivered import Delivered
from pystack.tcp.record import Record
from pystack.tcp.scoreboard import Scoreboard

MSS = 10


class Packet:
    """One packet of the model."""

    def __init__(self, start: int, end: int) -> None:
        self.start, self.end = start, end
        self.sacked = self.lost = self.resent = self.ever = False


class Naive:
    def __init__(self) -> None:
        self.packets: list[Packet] = []
        self.una = 0

    def sent(self, start: int, size: int, fin: bool = False) -> None:
        for at in range(start, start + size, MSS):
            self.packets.append(Packet(at, min(at + MSS, start + size)))
        if fin and size:
            self.packets[-1].end += 1
        elif fin:
            self.packets.append(Packet(start, start + 1))

    def acknowledge(self, una: int) -> int:
        self.una = una
        gone = [p for p in self.packets if p.end <= una]
        self.packets = [p for p in self.packets if p.end > una]
        return sum(not p.sacked for p in gone)

    def sack(self, left: int, right: int) -> int:
        newly = [p for p in self.packets if left <= p.start and p.end <= right and not p.sacked]
        for p in newly:
            p.sacked, p.lost, p.resent = True, False, False
        return len(newly)

    def detect(self, dupthresh: int) -> None:
        for p in self.packets:
            above = sum(q.sacked for q in self.packets if q.start > p.start)
            if above >= dupthresh and not p.sacked and not p.resent:
                p.lost = True

    def all_lost(self) -> None:
        reneged = bool(self.packets) and self.packets[0].sacked
        for p in self.packets:
            p.sacked = p.sacked and not reneged
            p.lost, p.resent = not p.sacked, False

    def resend(self, limit: int) -> list[tuple[int, int]]:
        due = [p for p in self.packets if p.lost and not p.resent]
        run = due[:1]
        for p in due[1:]:
            if len(run) < limit and p.start == run[-1].end:
                run.append(p)
        for p in run:
            p.resent = p.ever = True
        return [(p.start, p.end) for p in run]

    @property
    def sums(self) -> tuple[int, int, int, int]:
        ps = self.packets
        return len(ps), sum(p.sacked for p in ps), sum(p.lost for p in ps), sum(p.resent for p in ps)


def acked(board: Scoreboard, una: int, now: int = 0) -> Delivered:
    delivered = Delivered(now)
    board.acknowledge(una, delivered)
    return delivered


def sacked(board: Scoreboard, left: int, right: int) -> int:
    delivered = Delivered(0)
    board.selectively_acknowledge(left, right, delivered)
    return delivered.sacked


operations = st.lists(
    st.tuples(st.sampled_from(["send", "send", "ack", "sack", "sack", "detect", "timeout", "resend", "head", "fin"]),
              st.integers(0, 60), st.integers(1, 30)),
    max_size=80,
)  # fmt: skip


@settings(max_examples=300)
@given(operations)
def test_against_a_list_of_packets(steps: list[tuple[str, int, int]]) -> None:
    board, naive, nxt, finished = Scoreboard(), Naive(), 0, False
    for now, (name, a, b) in enumerate(steps, 1):
        packets = naive.packets
        if name == "fin" and not finished:
            size = b % 3 * MSS + b % 2
            board.sent(Record(nxt, nxt + size + 1, MSS, now, 0, False, True))
            naive.sent(nxt, size, True)
            nxt += size + 1
            finished = True
        elif name == "send" and not finished:
            board.sent(Record(nxt, nxt + b * MSS, MSS, now, 0, False))
            naive.sent(nxt, b * MSS)
            nxt += b * MSS
        elif name == "ack" and packets:
            una = packets[a % len(packets)].end - (a % 7 == 0)  # now and then a part of a packet, or all but the FIN
            assert acked(board, una, now).packets == naive.acknowledge(una)
        elif name == "sack" and packets:
            left = packets[a % len(packets)].start + a % 3  # now and then between the edges of packets
            right = min(left + b * MSS - b % 4, nxt)
            assert sacked(board, left, right) == naive.sack(left, right)
        elif name == "detect":
            naive.detect(3)
            assert loss.by_sacks(board) == (naive.sums[2] > 0)
        elif name == "timeout":
            board.mark_all_lost()
            naive.all_lost()
        elif name == "head" and packets and not packets[0].sacked:
            board.mark_head_lost()
            naive.packets[0].lost, naive.packets[0].resent = True, False
        elif name == "resend":
            record = board.next_lost()
            expected = naive.resend(b)
            assert (record is not None) == bool(expected)
            if record is not None:
                run = board.retransmitted(record, b, now)
                assert (run[0].start, run[-1].end) == (expected[0][0], expected[-1][1])
                assert all(x.end == y.start for x, y in zip(run, run[1:], strict=False))  # noqa: RUF007
        assert (board.packets_out, board.sacked_out, board.lost_out, board.retrans_out) == naive.sums
        assert bool(board) is bool(naive.packets)
        assert all(r.start < r.end for r in board)
        flags = [(r.sacked, r.lost, r.retransmitted) for r in board for _ in range(r.packets)]
        assert flags == [(p.sacked, p.lost, p.resent) for p in naive.packets]


def test_a_record_counts_its_packets_and_splits_at_their_edges() -> None:
    record = Record(100, 135, MSS, 5, 0, True)
    assert record.packets == 4
    record.lost = record.ever_retransmitted = True
    later = record.split(120)
    assert [(r.start, r.end, r.packets, r.lost, r.sent_at) for r in (record, later)] == [
        (100, 120, 2, True, 5),
        (120, 135, 2, True, 5),
    ]
    assert later.ever_retransmitted
    assert later.app_limited


def test_a_fin_rides_on_the_last_packet() -> None:
    full, alone = Record(100, 121, MSS, 5, 0, True, True), Record(100, 101, MSS, 5, 0, True, True)
    assert (full.packets, full.size, alone.packets, alone.size) == (2, 20, 1, 0)
    assert (full.edge_before(120), full.edge_after(111), full.edge_after(120)) == (110, 121, 121)
    last = full.split(110)
    assert [(r.packets, r.fin) for r in (full, last)] == [(1, False), (1, True)]


def test_smaller_packets_take_the_fin_along() -> None:
    """Of 20 bytes and a FIN in one packet become two, of 10 bytes and a FIN in the next still one."""
    board = Scoreboard()
    board.sent(Record(0, 21, 20, 0, 0, False, True))
    assert board.packets_out == 1
    assert board.recut(10, 0)
    assert (board.packets_out, board.lost_out) == (2, 2)
    record = board.next_lost()
    assert record is not None
    assert [(r.start, r.end) for r in board.retransmitted(record, 1, 1)] == [(0, 10)]
    assert [(r.start, r.end, r.packets) for r in board] == [(0, 10, 1), (10, 21, 1)]
    board = Scoreboard()
    board.sent(Record(0, 11, 20, 0, 0, False, True))
    assert not board.recut(10, 0), "it fits"


def test_smaller_packets_begin_where_the_peer_waits() -> None:
    """A part of the first packet is acknowledged: no smaller packet may lie wholly before SND.UNA."""
    board = Scoreboard()
    board.sent(Record(0, 40, 40, 0, 0, False))
    acked(board, 25)
    assert board.recut(10, 25)
    assert [(r.start, r.end, r.packets) for r in board] == [(25, 40, 2)]
    assert (board.packets_out, board.lost_out) == (2, 2)
    record = board.next_lost()
    assert record is not None
    assert [(r.start, r.end) for r in board.retransmitted(record, 1, 2)] == [(25, 35)]
    board = Scoreboard()
    board.sent(Record(0, 40, 40, 0, 0, False))
    acked(board, 35)
    assert not board.recut(10, 35), "what is left fits"


def test_records_joined_for_smaller_packets_keep_the_fin() -> None:
    board = Scoreboard()
    board.sent(Record(0, 20, 20, 0, 0, False))
    board.sent(Record(20, 41, 20, 0, 0, False, True))
    board.recut(10, 0)
    assert [(r.start, r.end, r.packets, r.fin) for r in board] == [(0, 41, 4, True)]
    assert board.lost_out == 4


def test_a_part_of_a_packet_is_not_acknowledged() -> None:
    board = Scoreboard()
    board.sent(Record(0, 40, MSS, 0, 0, False))
    assert acked(board, 25).acked == 2
    assert (board.packets_out, board.head.start) == (2, 20)
    assert sacked(board, 25, 39) == 0
    assert sacked(board, 25, 40) == 1
    assert [(r.start, r.end, r.sacked) for r in board] == [(20, 30, False), (30, 40, True)]


def test_karn_gives_no_sample_where_anything_was_sent_twice() -> None:
    """MUST-18."""
    board = Scoreboard()
    board.sent(Record(0, 20, MSS, 100, 0, False))
    board.sent(Record(20, 40, MSS, 150, 0, False))
    board.mark_head_lost()
    record = board.next_lost()
    assert record is not None
    board.retransmitted(record, 1, 300)
    delivered = acked(board, 40, 400)
    assert (delivered.rtt, delivered.resent, delivered.acked) == (None, True, 4)
    board.sent(Record(40, 60, MSS, 500, 0, False))
    board.sent(Record(60, 80, MSS, 550, 0, False))
    delivered = acked(board, 80, 700)
    assert (delivered.rtt, delivered.resent) == (200, False), "from the oldest"


def test_blocks_give_a_sample_where_the_number_gives_none() -> None:
    """From the latest of the packets that were sent once; but Karn's rule holds for the whole acknowledgement."""
    board = Scoreboard()
    for n in range(5):
        board.sent(Record(n * MSS, (n + 1) * MSS, MSS, 100 + n, 0, False))
    board.mark_head_lost()
    record = board.next_lost()
    assert record is not None
    board.retransmitted(record, 1, 300)
    delivered = Delivered(400)
    board.selectively_acknowledge(3 * MSS, 4 * MSS, delivered)
    board.selectively_acknowledge(2 * MSS, 3 * MSS, delivered)
    assert (delivered.rtt, delivered.acked, delivered.sacked, delivered.packets) == (297, 0, 2, 2)
    delivered = Delivered(500)
    board.acknowledge(MSS, delivered)
    board.selectively_acknowledge(4 * MSS, 5 * MSS, delivered)
    assert (delivered.rtt, delivered.acked, delivered.sacked) == (None, 1, 1)
    delivered = acked(board, 5 * MSS, 600)
    assert (delivered.rtt, delivered.acked) == (499, 1), "what was reported before is not delivered again"
    board.sent(Record(5 * MSS, 6 * MSS, MSS, 610, 0, False))
    board.sent(Record(6 * MSS, 7 * MSS, MSS, 620, 0, False))
    sacked(board, 5 * MSS, 6 * MSS)
    assert acked(board, 7 * MSS, 700).rtt == 80, "nor measured again"


def test_reneging_is_noticed_at_a_time_out() -> None:
    """RFC 2018 section 8."""
    board = Scoreboard()
    board.sent(Record(0, 40, MSS, 0, 0, False))
    sacked(board, 20, 40)
    acked(board, 20)
    board.mark_all_lost()
    assert (board.sacked_out, board.lost_out) == (0, 2)
    assert sacked(board, 30, 40) == 1, "it can be reported again"


def test_an_ack_of_many_small_records_stays_cheap() -> None:
    """What is acknowledged is not kept, and the list is not rebuilt for each ACK."""
    board = Scoreboard()
    for n in range(5000):
        board.sent(Record(n * MSS, (n + 1) * MSS, MSS, n, 0, False))
    for n in range(4990):
        acked(board, (n + 1) * MSS, n)
    assert [r.start for r in board] == [n * MSS for n in range(4990, 5000)]
    assert len(board._records) < 200
    board.clear()
    assert (bool(board), board.packets_out, board.in_flight) == (False, 0, 0)
