"""What an acknowledgement costs: what it changes, and binary searches; never the length of the window."""

from typing import Any

from pystack.tcp import loss
from pystack.tcp.delivered import Delivered
from pystack.tcp.record import Record
from pystack.tcp.scoreboard import Scoreboard

MSS = 10
PACKETS = 4000
FEW = 120
"""Some binary searches among the packets."""


class Counted(list[Any]):
    """Counts how often somebody looks at one of its members."""

    looks = 0

    def __getitem__(self, index: Any) -> Any:
        Counted.looks += 1
        return super().__getitem__(index)


def full(mss: int = MSS) -> Scoreboard:
    """A window of many records, each of `MSS` bytes."""
    board = Scoreboard()
    board._records = Counted()
    for n in range(PACKETS):
        board.sent(Record(n * MSS, (n + 1) * MSS, mss, n, 0, False))
    return board


def reports(board: Scoreboard, *blocks: tuple[int, int]) -> int:
    """An ACK with SACK blocks, given in packets; returns how many records it looked at."""
    Counted.looks = 0
    for first, last in blocks:
        board.selectively_acknowledge(first * MSS, last * MSS, Delivered(9))
    loss.by_sacks(board)
    return Counted.looks


def test_the_same_ack_again() -> None:
    board = full()
    top = (PACKETS - 1, PACKETS)
    assert reports(board, (1, 3), top) < FEW
    assert board.lost_out == 1
    assert reports(board, (1, 3), top) < FEW


def test_packets_at_the_bottom_reported_one_by_one() -> None:
    """Each is the third from the top: the search for it must not walk through what nobody has reported."""
    board = full()
    top = (PACKETS - 2, PACKETS)
    assert max(reports(board, (n, n + 1), top) for n in range(1, PACKETS // 2, 2)) < FEW
    assert board.lost_out == PACKETS // 4


def test_a_block_that_grows() -> None:
    board = full()
    assert max(reports(board, (1, n)) for n in range(2, PACKETS + 1)) < FEW
    assert (board.sacked_out, board.lost_out) == (PACKETS - 1, 1)
    delivered = Delivered(9)
    board.acknowledge(PACKETS * MSS, delivered)
    assert delivered.acked == 1
    assert (board.packets_out, board.sacked_out) == (0, 0)


def test_a_block_of_packets_that_were_not_full() -> None:
    """As an application writes them that has turned Nagle's algorithm off."""
    board = full(mss=1460)
    reports(board, (1, PACKETS))
    assert board.sacked_out == PACKETS - 1
    assert reports(board, (1, PACKETS)) < FEW
