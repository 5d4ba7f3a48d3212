"""What a snapshot of a connection says, with Linux's names and meanings."""

from typing import Any

import pytest
from tcp_peer import MS, PLAIN, SECOND, Peer, established

from pystack.tcp.chrono import Chrono, Limit, limit_of
from pystack.tcp.config import TcpConfig

SACK = TcpConfig(timestamps=False, window_scaling=False)


def info(p: Peer, *names: str) -> Any:
    found = p.c.info(p.now)
    values = tuple(getattr(found, name) for name in names)
    return values if len(values) > 1 else values[0]


def test_what_was_agreed_on() -> None:
    assert info(established(), "timestamps", "sack", "wscale", "ecn", "ecn_seen") == (False,) * 5
    p = Peer(TcpConfig(ecn=1))
    p.takes()
    p.ts_val = 1
    p.gives("SE.", seq=0, mss=1400, wscale=3, sack_permitted=True)
    assert info(p, "timestamps", "sack", "wscale", "ecn") == (True,) * 4
    assert info(p, "snd_wscale", "rcv_wscale") == (3, 8)
    assert info(p, "snd_mss", "advmss") == (1388, 1448)


def test_packets_are_counted_from_snd_una() -> None:
    p = established(SACK, sack_permitted=True)
    p.sends(6 * 1460)
    p.gives(ack=1461, sack=((2921, 4381), (4381, 7301)))
    assert info(p, "unacked", "sacked", "lost", "retrans") == (5, 3, 1, 1)
    assert info(p, "ca_state", "delivered", "reordering") == (3, 5, 3)  # the SYN was delivered too
    assert info(p, "bytes_retrans", "total_retrans", "bytes_sent") == (1460, 1, 7 * 1460)


def test_without_sack_the_duplicate_acks_are_counted() -> None:
    p = established()
    p.sends(6 * 1460)
    p.gives()
    p.gives()
    assert info(p, "ca_state", "unacked", "sacked") == (1, 6, 2)


def test_a_duplicate_that_the_peer_reports() -> None:
    p = established(SACK, sack_permitted=True)
    p.sends(3 * 1460)
    p.gives(ack=4381)
    assert info(p, "dsack_dups") == 0
    p.gives(ack=4381, sack=((1, 2921),))
    assert info(p, "dsack_dups") == 2


def test_times_are_microseconds_and_the_window_is_infinite_before_a_loss() -> None:
    p = Peer(PLAIN)
    p.takes()
    p.now += 100 * MS
    p.gives("S.", seq=0, mss=1460)
    assert info(p, "rtt", "rttvar", "min_rtt", "rto") == (100_000, 50_000, 100_000, 300_000)
    assert info(p, "snd_ssthresh", "snd_cwnd") == (0x7FFFFFFF, 10)


def test_retransmits_and_backoff() -> None:
    p = established()
    p.sends(100)
    p.waits(SECOND)
    assert info(p, "retransmits", "backoff", "ca_state", "snd_cwnd", "lost", "retrans") == (2, 2, 4, 1, 1, 1)


def test_probes_and_their_backoff() -> None:
    p = established(wnd=0)
    p.sends(100)
    p.waits(SECOND)
    assert info(p, "probes", "backoff", "retransmits") == (2, 2, 0)
    p.gives(wnd=0)
    assert info(p, "probes") == 0


def test_segments_with_text_are_counted_by_themselves() -> None:
    p = established()
    p.sends(3000)
    p.gives(text=500)
    p.gives(seq=1001, text=500)
    assert info(p, "data_segs_out", "data_segs_in", "rcv_ooopack", "bytes_received") == (3, 2, 1, 500)
    assert info(p, "segs_in") == 3  # with the SYN,ACK


def test_milliseconds_since_the_last_of_each() -> None:
    p = established()
    p.now += 30 * MS
    assert info(p, "last_data_sent", "last_data_recv", "last_ack_recv") == (30, 30, 30)
    p.sends(10)
    p.now += 20 * MS
    p.gives(text=10)
    p.now += 5 * MS
    assert info(p, "last_data_sent", "last_data_recv", "last_ack_recv") == (25, 5, 5)
    assert Peer().c.info(SECOND).last_data_recv == 0


def test_packets_whose_acknowledgement_echoes_a_mark() -> None:
    p = established(TcpConfig(ecn=1, timestamps=False, window_scaling=False, sack=False))
    p.c.ecn.active = True
    p.sends(4 * 1460)
    p.gives(ack=1 + 2 * 1460)
    p.gives("E.", ack=1 + 4 * 1460)
    assert info(p, "delivered_ce", "ecn_seen") == (2, False)


def test_busy_from_the_first_byte_to_the_last_acknowledgement() -> None:
    p = Peer(PLAIN)
    p.takes()
    p.now += 50 * MS
    p.gives("S.", seq=0, mss=1460)
    assert info(p, "busy_time") == 0, "the handshake is none of it"
    p.now += 50 * MS
    p.sends(100)
    p.now += 30 * MS
    assert info(p, "busy_time") == 30_000
    p.gives(ack=101)
    p.now += 30 * MS
    assert info(p, "busy_time", "rwnd_limited", "sndbuf_limited") == (30_000, 0, 0)


def test_what_the_peers_window_holds_back() -> None:
    p = established(wnd=2920)
    p.sends(8000)
    p.now += 40 * MS
    p.gives(ack=2921, wnd=65535)
    p.now += 10 * MS
    assert info(p, "busy_time", "rwnd_limited", "sndbuf_limited") == (50_000, 40_000, 0)


def test_what_the_send_buffer_holds_back() -> None:
    p = established(TcpConfig(timestamps=False, window_scaling=False, sack=False, sndbuf=3000))
    assert p.c.send(bytes(5000)) == 3000
    p.takes()
    p.now += 40 * MS
    p.gives(ack=3001)
    p.now += 10 * MS
    assert info(p, "busy_time", "rwnd_limited", "sndbuf_limited") == (40_000, 0, 40_000)


@pytest.mark.parametrize(
    ("change", "limit"),
    [
        ({}, Limit.BUSY),
        ({"in_flight": 0, "unsent": 0}, Limit.IDLE),
        ({"window": 0}, Limit.RECEIVER),
        ({"window": 0, "cwnd_room": 0}, Limit.BUSY),
        ({"window": 999, "unsent": 999}, Limit.BUSY),
        ({"window": 999, "unsent": 1001}, Limit.RECEIVER),
        ({"unsent": 0, "wants_room": True}, Limit.BUFFER),
        ({"unsent": 0, "wants_room": True, "cwnd_room": 0}, Limit.BUSY),
        ({"wants_room": True}, Limit.BUSY),
    ],
)
def test_what_limits_a_connection(change: dict[str, Any], limit: Limit) -> None:
    state = {"in_flight": 3, "unsent": 5000, "window": 9000, "least": 1000, "cwnd_room": 1, "wants_room": False}
    assert limit_of(**(state | change)) is limit


def test_a_chronograph_counts_what_holds_until_now() -> None:
    clock = Chrono()
    clock.holds(Limit.BUSY, 100)
    clock.holds(Limit.BUSY, 150)
    clock.holds(Limit.RECEIVER, 200)
    assert clock.spent(230, Limit.BUSY, Limit.RECEIVER) == 130
    clock.holds(Limit.IDLE, 250)
    assert clock.spent(999, Limit.RECEIVER) == 50
