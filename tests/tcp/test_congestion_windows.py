"""How the window moves on whole connections (RFC 5681, RFC 6675, RFC 3042)."""

from dataclasses import replace

from tcp_peer import PLAIN, SECOND, Peer, established

from pystack.tcp.congestion.base import AckSample
from pystack.tcp.congestion.reno import Reno
from pystack.tcp.state import State

SACK = replace(PLAIN, sack=True, sndbuf=1 << 20)


def grown(packets: int) -> Peer:
    """An established connection in slow start with `packets` packets in flight."""
    p = established(replace(SACK, initial_cwnd=packets), wnd=65535, sack_permitted=True)
    p.c.tcb.snd.wnd = p.c.tcb.snd.max_wnd = 1 << 20
    p.sends(packets * 1460)
    assert len(p.sent) == packets
    return p


def test_one_ack_that_sacks_many_packets_halves_the_window_and_no_more() -> None:
    """FlightSize is what is not cumulatively acknowledged (RFC 6675 step 4.2)."""
    p = grown(40)
    p.gives(".", ack=1, sack=[(1 + 11 * 1460, 1 + 40 * 1460)])
    assert p.c.cc.ssthresh == 20


def test_sacks_alone_do_not_open_the_window() -> None:
    """RFC 5681 section 3.1 grows for ACKs that acknowledge new data; limited transmit sends two more (RFC 3042)."""
    p = grown(10)
    p.sends(10 * 1460)
    p.gives(".", ack=1, sack=[(1461, 2921)])
    p.gives(".", ack=1, sack=[(1461, 4381)])
    assert p.c.cc.cwnd == 10
    assert len(p.sent) == 12


class Noted(Reno):
    """Keeps what it is told."""

    def __init__(self, initial_cwnd: int) -> None:
        super().__init__(initial_cwnd)
        self.samples: list[AckSample] = []

    def on_ack(self, sample: AckSample, now: int) -> None:
        self.samples.append(sample)
        super().on_ack(sample, now)


def test_a_controller_hears_of_every_ack_that_delivers() -> None:
    p = grown(10)
    p.c.cc = cc = Noted(10)
    p.gives(".", ack=1, sack=[(1461, 2921)])
    p.gives(".", ack=1, sack=[(1461, 5841)])
    p.gives(".", ack=1, sack=[(1461, 5841)])
    assert cc.cwnd == cc.ssthresh == 5
    p.gives(".", ack=5841, sack=[(7301, 8761)])
    p.gives(".", ack=1 + 10 * 1460)
    assert [(s.acked, s.lost, s.in_flight, s.recovering) for s in cc.samples] == [
        (1, 0, 10, True),  # perhaps the first sign of a loss
        (2, 1, 9, True),
        (2, 0, 7, True),
        (5, 0, 5, False),
    ]
    assert {s.mss for s in cc.samples} == {1460}


def test_an_idle_connection_begins_with_the_initial_window_again() -> None:
    """RFC 5681 section 4.1."""
    p = grown(40)
    p.gives(".", ack=1 + 40 * 1460, wnd=65535)
    assert p.c.cc.cwnd > 40
    p.c.config = replace(p.c.config, initial_cwnd=10)
    p.waits(60 * SECOND)
    p.sent.clear()
    p.sends(60 * 1460)
    assert len(p.sent) == 10


def test_a_syn_that_was_lost_twice_begins_with_one_segment() -> None:
    """RFC 5681 section 3.1."""
    p = Peer(PLAIN)
    p.takes()
    p.waits(4 * SECOND)
    p.gives("S.", seq=0, mss=1460)
    assert p.state is State.ESTABLISHED
    assert p.c.cc.cwnd == 1


def test_small_full_sized_segments_are_acknowledged_by_twos() -> None:
    """SHLD-19, where the peer's segments are smaller than what we assumed at first."""
    p = established()
    acks = sum(len(p.gives(".", seq=1 + 256 * n, text=256)) for n in range(20))
    assert acks >= 9


def test_a_closed_connection_sends_no_keep_alive() -> None:
    p = established(replace(PLAIN, keepalive=True))
    p.now = p.c.next_deadline() or 0
    p.c.on_deadline(p.now)
    p.gives("R", seq=1)
    assert p.state is State.CLOSED
    assert p.takes() == []


def test_an_orphan_whose_peer_only_answers_probes_ends() -> None:
    p = established()
    p.sends(100)
    p.gives(".", ack=101, wnd=0)
    p.c.send(bytes(100))
    p.c.close(p.now)
    assert p.takes() == []
    end = p.now + 3600 * SECOND
    while p.state is not State.CLOSED and (deadline := p.c.next_deadline()) is not None and deadline < end:
        p.now = deadline
        p.c.on_deadline(p.now)
        for shown in p.takes():
            if shown.startswith("."):
                p.gives(".", ack=101, wnd=0)
    assert p.state is State.CLOSED


def test_tcp_info_counts_what_it_says() -> None:
    p = established()
    p.sends(1000)
    p.gives(".", seq=101, text=100)
    p.gives(".", seq=101, text=100)
    p.gives(".", seq=1, text=100)
    assert p.c.info(p.now).bytes_received == 200
    p.gives("R", seq=201)
    assert p.c.info(p.now).bytes_acked == 0


def test_a_large_window_scale_does_not_shut_a_small_buffer_for_ever() -> None:
    p = established(replace(PLAIN, window_scaling=True, window_scale=14, rcvbuf=8192), wscale=7)
    assert p.c.agreed.rcv_wscale == 13
    for n in range(8):
        p.gives(".", seq=1 + 1000 * n, text=1000)
        p.reads()
    p.waits(SECOND)
    assert p.sent[-1].wnd > 0
