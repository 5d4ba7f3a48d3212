"""The retransmission time-out, with the numbers of RFC 6298 (MUST-18)."""

from pystack.tcp.config import TcpConfig
from pystack.tcp.rtt import FALLBACK_RTO, RttEstimator

MS = 1_000_000
SECOND = 1_000_000_000


def estimator(*samples: int) -> RttEstimator:
    e = RttEstimator(TcpConfig())
    for sample in samples:
        e.sample(sample * MS)
    return e


def test_one_second_before_the_first_sample() -> None:
    assert estimator().rto == 1 * SECOND


def test_the_first_sample() -> None:
    """Rule 2.2: SRTT = R, RTTVAR = R / 2, RTO = SRTT + 4 * RTTVAR."""
    e = estimator(500)
    assert (e.srtt, e.rttvar, e.rto) == (500 * MS, 250 * MS, 1500 * MS)


def test_the_second_sample() -> None:
    """Rule 2.3: RTTVAR = 3/4 * 250 + 1/4 * |500 - 900|, then SRTT = 7/8 * 500 + 1/8 * 900."""
    e = estimator(500, 900)
    assert (e.rttvar, e.srtt) == (int(287.5 * MS), 550 * MS)
    assert e.rto == 550 * MS + 4 * e.rttvar
    assert (e.min_rtt, e.samples) == (500 * MS, 2)


def test_there_are_always_200_ms_above_srtt() -> None:
    e = estimator(*[10] * 50)
    assert e.rto == e.srtt + 200 * MS


def test_the_time_out_doubles_up_to_its_bound() -> None:
    """Rules 5.5 and 2.5."""
    e = estimator(100)
    seen = []
    for _ in range(12):
        seen.append(e.rto // MS)
        e.back_off()
    assert seen == [300, 600, 1200, 2400, 4800, 9600, 19200, 38400, 76800, 120_000, 120_000, 120_000]
    e.sample(100 * MS)
    assert e.rto == 300 * MS


def test_without_a_sample_the_handshake_leaves_three_seconds() -> None:
    """Rule 5.7."""
    e = estimator()
    e.back_off()
    assert e.rto == 2 * SECOND
    e.handshake_ended()
    assert e.rto == FALLBACK_RTO == 3 * SECOND
    e = estimator(100)
    e.back_off()
    e.handshake_ended()
    assert e.rto == 300 * MS


def test_a_sample_of_nothing_counts_as_a_nanosecond() -> None:
    e = estimator(0)
    assert (e.srtt, e.min_rtt) == (1, 1)
    assert e.rto >= 200 * MS
