"""Which packets are lost: each function looks for signs of it, marks on the scoreboard what they point at, and returns
whether they give a reason to recover.
"""

from pystack.tcp.scoreboard import Scoreboard

DUPTHRESH = 3


def by_sacks(board: Scoreboard) -> bool:
    """What has three packets selectively acknowledged above it is lost (RFC 6675 section 4, IsLost, counted in
    packets).
    """
    if board.sacked_out >= DUPTHRESH:
        board.mark_lost_below(board.edge_below(DUPTHRESH))
    return board.lost_out > 0


def by_duplicates(board: Scoreboard) -> bool:
    """Without SACK: after three duplicate ACKs, the packet that they ask for is lost (RFC 5681 section 3.2)."""
    found = board.sacked_out >= DUPTHRESH
    if found:
        board.mark_head_lost()
    return found
