"""Deadlines, and when a connection gives up."""

import pytest

from pystack.tcp.config import TcpConfig
from pystack.tcp.timers import Timer, TimerTable, has_timed_out, r2_timeout

SECOND = 1_000_000_000


def test_the_table_gives_the_earliest_and_what_is_due_in_order() -> None:
    table = TimerTable()
    assert table.next() is None
    table.set(Timer.RETRANSMIT, 50)
    table.set(Timer.LINGER, 10)
    table.set(Timer.PROBE, 30)
    assert (table.next(), table[Timer.PROBE]) == (10, 30)
    assert table.take_due(9) == []
    assert table.take_due(30) == [Timer.LINGER, Timer.PROBE]
    assert (table.next(), table[Timer.LINGER]) == (50, None)
    table.set(Timer.RETRANSMIT, 70)
    assert table.take_due(60) == []
    table.stop(Timer.RETRANSMIT)
    table.stop(Timer.RETRANSMIT)
    assert table.next() is None
    table.set(Timer.PROBE, 1)
    table.stop_all()
    assert table.next() is None


@pytest.mark.parametrize(("retries", "seconds"), [(0, 0.2), (1, 0.6), (2, 1.4), (8, 102.2), (9, 204.6), (15, 924.6)])
def test_r2_is_what_so_many_least_time_outs_take(retries: int, seconds: float) -> None:
    """SHLD-11: fifteen give 924.6 s, as in Linux."""
    assert r2_timeout(TcpConfig(), retries) == round(seconds * SECOND)


def test_r2_the_orphans_r2_and_the_user_timeout() -> None:
    """MUST-20, MUST-21."""
    config = TcpConfig()

    def gives_up(waiting: int, user_timeout: int = 0, orphaned: bool = False) -> bool:
        return has_timed_out(config, waiting=waiting * SECOND, user_timeout=user_timeout * SECOND, orphaned=orphaned)

    assert [gives_up(924), gives_up(925)] == [False, True]
    assert [gives_up(102, orphaned=True), gives_up(103, orphaned=True)] == [False, True]
    assert [gives_up(29, 30), gives_up(30, 30)] == [False, True]
    assert gives_up(2000, 3000) is False
