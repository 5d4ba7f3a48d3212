"""The small rooms that decide one thing each."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pystack.tcp.challenge import RateLimit
from pystack.tcp.config import TcpConfig
from pystack.tcp.congestion import registry
from pystack.tcp.congestion.base import INFINITE_SSTHRESH, AckSample
from pystack.tcp.congestion.reno import Reno
from pystack.tcp.handshake import agree, answer, offer
from pystack.tcp.isn import initial_sequence_number, timestamp_offset
from pystack.tcp.timestamps import RECENT_LIFETIME, Timestamps
from pystack.tcp.window import update_is_due, window_to_offer
from pystack.wire.options import Options

MS = 1_000_000
SECOND = 1_000_000_000


def test_the_rate_of_challenge_acks_is_bounded() -> None:
    """RFC 5961 section 7."""
    limit = RateLimit(500)
    assert [limit.allows(t) for t in (0, 1, 499, 500, 600, 1000, 5000)] == [True, False, False, True, False, True, True]


# The window that we offer


def test_the_window_opens_by_useful_steps_only() -> None:
    """MUST-39: by a segment, or half of the buffer where that is less."""
    assert window_to_offer(1459, 64_000, 0, 1460, 0) == 0
    assert window_to_offer(1460, 64_000, 0, 1460, 0) == 1460
    assert window_to_offer(999, 2000, 0, 1460, 0) == 0
    assert window_to_offer(1000, 2000, 0, 1460, 0) == 1000
    assert window_to_offer(70_000, 70_000, 0, 1460, 0) == 65_535
    assert window_to_offer(-500, 2000, 0, 1460, 0) == 0


@given(
    st.integers(-5000, 2**22),
    st.integers(256, 2**22),
    st.integers(0, 2**22),
    st.integers(100, 9000),
    st.integers(0, 14),
)
def test_the_right_edge_never_moves_left(free: int, full: int, remaining: int, rcv_mss: int, scale: int) -> None:
    """SHLD-14, MUST-1."""
    remaining = min(remaining, 0xFFFF << scale)
    offered = window_to_offer(free, full, remaining, rcv_mss, scale)
    assert offered >= remaining
    assert offered % (1 << scale) == 0
    assert offered >> scale <= 0xFFFF
    assert offered < remaining + (1 << scale) or offered <= max(free, 0)


def test_when_the_peer_hears_at_once_that_the_window_is_open() -> None:
    assert update_is_due(1460, 64_000, 0)
    assert not update_is_due(0, 64_000, 0)
    assert update_is_due(40_000, 64_000, 20_000)
    assert not update_is_due(39_999, 64_000, 20_000)
    assert not update_is_due(64_000, 64_000, 40_000)


# Timestamps


def test_the_timestamp_clock_ticks_each_millisecond() -> None:
    """RFC 7323 section 5.4."""
    clock = Timestamps(offset=2**32 - 1)
    assert [clock.val(t * MS) for t in (0, 1, 5)] == [2**32 - 1, 0, 4]
    assert clock.rtt_of_echo(2, 9 * MS) == 6 * MS
    assert clock.rtt_of_echo(8, 9 * MS) == 1 * MS, "at least a tick"
    assert clock.rtt_of_echo(9, 9 * MS) is None, "from the future"
    assert clock.rtt_of_echo(0, 9 * MS) is None, "no echo"


def test_paws_around_the_wrap_and_after_24_days() -> None:
    """RFC 7323 sections 5.3 and 5.5."""
    clock = Timestamps(0)
    assert not clock.is_too_old(5, 0), "nothing is known yet"
    clock.update(2**32 - 10, 0)
    assert clock.is_too_old(2**32 - 11, 1)
    assert not clock.is_too_old(2**32 - 10, 1)
    assert not clock.is_too_old(3, 1)
    clock.update(3, 1)
    clock.update(2**32 - 10, 2)
    assert clock.recent == 3
    assert clock.is_too_old(2, RECENT_LIFETIME)
    assert not clock.is_too_old(2, RECENT_LIFETIME + 1)
    clock.update(2, RECENT_LIFETIME + 1)
    assert clock.recent == 2


# Initial sequence numbers


def test_initial_numbers_tick_each_four_microseconds() -> None:
    """MUST-8."""
    first = initial_sequence_number(b"secret", b"tuple", 0)
    assert (initial_sequence_number(b"secret", b"tuple", 4000 * 123) - first) % 2**32 == 123


def test_initial_numbers_depend_on_secret_and_addresses() -> None:
    """MUST-9, SHLD-1."""
    keys = [(s, t) for s in (b"one", b"two") for t in (b"a", b"b")]
    assert len({initial_sequence_number(s, t, 0) for s, t in keys}) == 4
    assert len({timestamp_offset(s, t) for s, t in keys}) == 4
    assert timestamp_offset(b"one", b"a") != initial_sequence_number(b"one", b"a", 0)


# What the SYNs agree on

FULL = Options(mss=1400, wscale=7, sack_permitted=True, ts_val=5)


def test_the_offer_is_what_is_configured() -> None:
    """MUST-14, SHLD-5."""
    assert offer(TcpConfig(), 1460) == Options(mss=1460, wscale=8, sack_permitted=True, ts_val=0)
    assert offer(TcpConfig(window_scaling=False, sack=False, timestamps=False), 1460) == Options(mss=1460)


@pytest.mark.parametrize("name", ["window_scaling", "sack", "timestamps"])
def test_both_sides_have_to_want_an_option(name: str) -> None:
    without = {
        "window_scaling": Options(mss=1400, sack_permitted=True, ts_val=5),
        "sack": Options(mss=1400, wscale=7, ts_val=5),
        "timestamps": Options(mss=1400, wscale=7, sack_permitted=True),
    }[name]
    for agreed in (agree(TcpConfig(), without, 536), agree(TcpConfig(**{name: False}), FULL, 536)):
        used = {"window_scaling": agreed.scaling, "sack": agreed.sack, "timestamps": agreed.timestamps}
        assert used == dict.fromkeys(used, True) | {name: False}
        reply = answer(agreed, 1460)
        assert (reply.wscale is None, reply.sack_permitted, reply.ts_val is None) == (
            name == "window_scaling",
            name != "sack",
            name == "timestamps",
        )
        if name == "window_scaling":
            assert (agreed.snd_wscale, agreed.rcv_wscale) == (0, 0)


def test_the_peers_mss_and_scale_are_bounded() -> None:
    """MUST-15; RFC 7323 section 2.3."""
    assert agree(TcpConfig(), Options(), 536).peer_mss == 536
    assert agree(TcpConfig(), Options(), 1220).peer_mss == 1220
    assert agree(TcpConfig(), Options(mss=1), 536).peer_mss == 48
    assert agree(TcpConfig(), Options(mss=0), 536).peer_mss == 536
    assert agree(TcpConfig(), Options(wscale=15), 536).snd_wscale == 14


# Congestion control


def acked(packets: int, limited: bool = True, recovering: bool = False) -> AckSample:
    return AckSample(
        acked=packets, lost=0, rtt=None, in_flight=packets, mss=1460, cwnd_limited=limited, recovering=recovering
    )


def test_slow_start_grows_by_what_is_acknowledged() -> None:
    """MUST-19; RFC 5681 section 3.1."""
    cc = Reno(10)
    assert (cc.cwnd, cc.ssthresh, cc.in_slow_start) == (10, INFINITE_SSTHRESH, True)
    cc.on_ack(acked(10), 0)
    assert cc.cwnd == 20
    cc.on_ack(acked(44), 0)
    assert cc.cwnd == 64, "an ACK that covers 44 packets counts as 44"


def test_a_window_that_is_not_used_does_not_grow() -> None:
    cc = Reno(10)
    cc.on_ack(acked(10, limited=False), 0)
    assert cc.cwnd == 10
    cc.on_ack(acked(10, recovering=True), 0)
    assert cc.cwnd == 10, "nor where losses are repaired"


def test_congestion_avoidance_adds_one_a_window() -> None:
    cc = Reno(10)
    cc.ssthresh = 10
    for _ in range(9):
        cc.on_ack(acked(1), 0)
    assert cc.cwnd == 10
    cc.on_ack(acked(1), 0)
    assert cc.cwnd == 11
    cc.on_ack(acked(11), 0)
    assert cc.cwnd == 12


def test_slow_start_ends_at_the_threshold_within_one_ack() -> None:
    cc = Reno(10)
    cc.ssthresh = 14
    cc.on_ack(acked(18), 0)
    assert cc.cwnd == 15, "four to the threshold, fourteen for one more"


def test_losses_halve_the_threshold() -> None:
    """RFC 5681 equation 4."""
    cc = Reno(40)
    cc.on_loss(30, 0)
    assert cc.ssthresh == 15
    cc.on_loss(3, 0)
    assert cc.ssthresh == 2
    cc.on_rto(30, 0, repeated=False)
    assert (cc.cwnd, cc.ssthresh) == (1, 15)
    cc.on_rto(4, 0, repeated=True)
    assert (cc.cwnd, cc.ssthresh) == (1, 15), "the same data once more"
    cc.on_spurious(40, INFINITE_SSTHRESH)
    assert (cc.cwnd, cc.ssthresh) == (40, INFINITE_SSTHRESH)
    cc.on_ecn(20, 0)
    assert cc.ssthresh == 10
    cc.on_syn_lost(0)
    assert cc.cwnd == 1


def test_controllers_are_registered_by_name() -> None:
    """MAY-18."""

    class Mine(Reno):
        pass

    assert {"newreno", "reno"} <= set(registry.congestion_controls())
    registry.register_congestion_control("mine", Mine)
    try:
        assert isinstance(registry.create("mine", 3), Mine)
        assert registry.congestion_controls() == sorted(registry.congestion_controls())
    finally:
        del registry._factories["mine"]
    with pytest.raises(KeyError):
        registry.create("mine", 3)
