"""RFC 9293 section 3.8.1: the retransmission time-out (RFC 6298)."""

import pytest
from rfc9293_common import TIMESTAMPS

from pystack.testing import Conversation, Peer


def after(p: Peer, rtt: str, options: object = (("MSS", 1460),)) -> Conversation:
    """A connection whose handshake took so long."""
    c = p.syn_sent()
    p.wait(rtt)
    c.send("SA", options=list(options))  # type: ignore[call-overload]
    c.expect("A")
    return c


@pytest.mark.parametrize(("rtt", "rto"), [(100, 300), (400, 1200), (10, 210), (900, 2700)])
def test_must_18_the_time_out_of_rfc_6298(p: Peer, rtt: int, rto: int) -> None:
    """R + max(4 * R/2, 200 ms): the floor is Linux's, where the RFC has one second for the whole."""
    c = after(p, f"{rtt} ms")
    c.sock.send(b"text")
    c.expect("PA", seq=1)
    c.expect_nothing(f"{rto - 1} ms")
    c.expect("PA", seq=1, within="1 ms")


def test_must_18_a_time_out_that_was_doubled_stays_until_there_is_a_sample(p: Peer) -> None:
    """Karn: what acknowledges a retransmission measures nothing."""
    c = after(p, "100 ms")
    c.sock.send(b"text")
    c.expect("PA", seq=1)
    c.expect("PA", seq=1, within="300 ms")
    before = c.sock.tcp_info(p.now)
    p.wait("20 ms")
    c.send()
    now = c.sock.tcp_info(p.now)
    assert (now.rtt, now.rttvar) == (before.rtt, before.rttvar) == (100_000, 50_000)
    c.sock.send(b"more")
    c.expect("PA", seq=5)
    c.expect_nothing("599 ms")
    c.expect("PA", seq=5, within="1 ms")


def test_must_18_smoothing(p: Peer) -> None:
    """Rule 2.3 with alpha = 1/8 and beta = 1/4."""
    c = after(p, "100 ms")
    c.sock.send(b"text")
    c.expect("PA")
    p.wait("180 ms")
    c.send()
    info = c.sock.tcp_info(p.now)
    assert (info.rtt, info.rttvar) == (110_000, 57_500)


def test_may_4_a_retransmission_may_have_the_identification_of_the_first(p: Peer) -> None:
    """Ours cannot be fragmented, so that the identification means nothing (RFC 6864 section 4.1)."""
    c = after(p, "100 ms", TIMESTAMPS)
    c.sock.send(b"text")
    first = c.expect("PA", seq=1)
    again = c.expect("PA", seq=1, within="1 s")
    if p.family == 4:
        assert first.flags == again.flags == "DF"
        assert first.id == again.id
    assert first.payload.load == again.payload.load
