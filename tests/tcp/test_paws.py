"""PAWS, and which timestamps are echoed (RFC 7323)."""

from tcp_peer import established

from pystack.tcp.config import TcpConfig
from pystack.tcp.state import State


def test_paws_drops_old_segments_and_answers() -> None:
    """RFC 7323 section 5.3."""
    p = established(TcpConfig(), ts_val=1000)
    p.ts_val = 1000
    p.gives(text=10)
    p.ts_val = 999
    assert p.gives(seq=11, text=10) == [". 1:1(0) ack 11"]
    assert p.c.recvbuf.size == 10
    p.ts_val = 1001
    p.gives(seq=11, text=10)
    assert p.c.recvbuf.size == 20


def test_paws_goes_with_the_clock_around_its_wrap() -> None:
    p = established(TcpConfig(), ts_val=2**32 - 1)
    p.ts_val = 0
    p.gives(text=10)
    assert (p.c.recvbuf.size, p.c.ts.recent) == (10, 0)


def test_ts_recent_follows_only_what_spans_the_last_ack() -> None:
    """RFC 7323 section 4.3."""
    p = established(TcpConfig(), ts_val=1000)
    p.ts_val = 2000
    p.gives(seq=101, text=10)
    assert p.c.ts.recent == 1000
    p.gives(seq=1, text=100)
    assert p.c.ts.recent == 2000


def test_an_ack_of_two_segments_echoes_the_first() -> None:
    """RFC 7323 section 4.1: so that the peer's round trip has in it how long the ACK was delayed."""
    p = established(TcpConfig(), ts_val=1000)
    p.ts_val = 2000
    assert p.gives(seq=1, text=100) == []
    p.ts_val = 2001
    assert p.gives(seq=101, text=100) == [". 1:1(0) ack 201"]
    assert p.sent[-1].options.ts_ecr == 2000


def test_the_answer_to_a_repeated_segment_echoes_the_repetition() -> None:
    """Else the sender, whose ACK was lost, takes its own time-out for a round trip (RFC 7323 section 4.1)."""
    p = established(TcpConfig(), ts_val=1000)
    p.ts_val = 1001
    p.gives(text=100)
    p.ts_val = 5001
    p.gives(text=100)
    assert p.sent[-1].options.ts_ecr == 5001
    p.ts_val = 9001
    p.gives(seq=-1000, text=100)
    assert p.sent[-1].options.ts_ecr == 5001, "an old duplicate says nothing, and might be forged"


def test_a_reset_is_exempt_from_paws() -> None:
    p = established(TcpConfig(), ts_val=1000)
    p.gives("R", seq=1, ts_val=5)
    assert p.state is State.CLOSED


def test_once_agreed_a_segment_without_timestamps_is_dropped() -> None:
    """RFC 7323 section 3.2."""
    p = established(TcpConfig(), ts_val=1000)
    assert p.gives(text=10) == []
    assert p.c.recvbuf.size == 0


def test_the_peer_timestamp_is_echoed_on_every_segment() -> None:
    p = established(TcpConfig(), ts_val=1000)
    p.ts_val = 1234
    p.gives(text=10)
    p.sends(10)
    assert p.sent[-1].options.ts_ecr == 1234
