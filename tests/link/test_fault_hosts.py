"""Chosen segments lost, late, twice or changed between two real hosts, and what their TCPs make of it; in virtual time.

`a` calls and hears, `b` is called and sends: what `b` sends comes in, and `a`'s acknowledgements go out.
"""

import errno

import pytest
from fault_lan import MS, SECOND, FaultyLan, lan, text, transfer
from two_hosts import B4, B6, fails

from pystack.sock.calls import Sock
from pystack.sock.constants import WouldBlock
from pystack.tcp.config import TcpConfig
from pystack.wire.tcp import ACK, FIN, RST, SYN

DATA = text(200_000)
R2 = 1000 * SECOND
FAMILIES = pytest.mark.parametrize("v6", [False, True], ids=["IPv4", "IPv6"])
INTACT = ["drop=data#3", "in:drop=data#1", "delay=data#3/2s", "dup=data#1", "dup=any", "split=100B", "merge=3kB"]


def calling(faulty: FaultyLan, v6: bool = False) -> tuple[Sock, Sock]:
    """A listener, and who calls it."""
    listener = faulty.listener(v6=v6)
    client = Sock(faulty.a, listener.family)
    assert client.connect(B6 if v6 else B4, 80, faulty.now) is WouldBlock.WRITE
    faulty.run()
    return listener, client


@FAMILIES
@pytest.mark.parametrize(
    ("spec", "is_back"), [("drop=syn#1", False), ("out:drop=syn#1", False), ("in:drop=syn#1", True)]
)
def test_a_syn_that_is_lost_is_sent_again_after_a_second(spec: str, is_back: bool, v6: bool) -> None:
    faulty = lan(spec)
    listener, client = calling(faulty, v6)
    assert client.connect_result() is WouldBlock.WRITE
    faulty.advance(999 * MS)
    assert client.connect_result() is WouldBlock.WRITE
    faulty.advance(MS)
    assert client.connect_result() is None
    assert isinstance(listener.accept(), Sock)
    assert [seen.at // SECOND for seen in faulty.flags(is_back, SYN)][:2] == [1, 2]


@FAMILIES
@pytest.mark.parametrize(("spec", "syns"), [("out:drop=syn", 7), ("in:drop=syn", 7), ("in:ack-unsent=syn/1B", 7)])
def test_whose_syn_is_never_answered_gives_up(spec: str, syns: int, v6: bool) -> None:
    faulty = lan(spec)
    _, client = calling(faulty, v6)
    faulty.advance(126 * SECOND)
    assert client.connect_result() is WouldBlock.WRITE
    faulty.advance(2 * SECOND)
    fails(errno.ETIMEDOUT, client.connect_result)
    assert len(faulty.flags(False, SYN)) == syns


@FAMILIES
@pytest.mark.parametrize("spec", INTACT)
def test_text_arrives_all_the_same(spec: str, v6: bool) -> None:
    faulty = lan(spec)
    client, server = faulty.pair(v6=v6)
    assert transfer(faulty, server, client, DATA) == DATA
    assert transfer(faulty, client, server, DATA) == DATA


@FAMILIES
def test_a_segment_that_is_lost_is_sent_again_at_once_or_at_the_rto(v6: bool) -> None:
    faulty = lan("in:drop=data#3")
    client, server = faulty.pair(v6=v6)
    began = faulty.now
    assert transfer(faulty, server, client, DATA) == DATA
    assert faulty.now == began, "the segments behind it tell"
    assert server.tcp_info(faulty.now).total_retrans == 1
    faulty = lan("in:drop=data#1")
    client, server = faulty.pair(v6=v6)
    assert transfer(faulty, server, client, b"alone") == b"alone"
    assert faulty.now - began >= 200 * MS
    assert server.tcp_info(faulty.now).total_retrans == 1


def test_what_is_lost_for_good_ends_the_connection() -> None:
    faulty = lan("in:drop=data#3,drop=resent")
    client, server = faulty.pair()
    assert transfer(faulty, server, client, DATA) == DATA[: 2 * 1448]
    faulty.advance(R2)
    fails(errno.ETIMEDOUT, server.recv, 1)
    assert client.recv(1) is WouldBlock.READ, "nobody has told it"


def test_an_ack_that_is_lost_is_made_good_by_the_next() -> None:
    faulty = lan("out:drop=ack#3")
    client, server = faulty.pair()
    assert transfer(faulty, server, client, DATA) == DATA
    assert server.tcp_info(faulty.now).total_retrans == 0


@pytest.mark.parametrize("spec", ["in:drop=fin#1", "drop=fin#1", "in:delay=fin#1/10min"])
def test_a_fin_that_is_lost_is_sent_again(spec: str) -> None:
    faulty = lan(spec)
    client, server = faulty.pair()
    server.close(faulty.now)
    faulty.run()
    assert client.recv(1) is WouldBlock.READ
    faulty.advance(SECOND)
    assert client.recv(1) == b""
    assert len(faulty.flags(True, FIN)) == 2


@FAMILIES
def test_who_misses_a_rst_learns_when_it_sends(v6: bool) -> None:
    faulty = lan("in:drop=rst#1")
    client, server = faulty.pair(v6=v6)
    server.setsockopt(1, 13, (1).to_bytes(4, "little") + bytes(4))  # SO_LINGER with 0 seconds: a RST
    server.close(faulty.now)
    faulty.run()
    assert len(faulty.flags(True, RST)) == 1
    assert client.send(b"are you there?") == 14
    faulty.run()
    fails(errno.ECONNRESET, client.recv, 1)


@FAMILIES
def test_a_segment_that_is_late_is_sent_again_and_taken_once(v6: bool) -> None:
    faulty = lan("in:delay=data#3/2s")
    client, server = faulty.pair(v6=v6)
    began = faulty.now
    assert transfer(faulty, server, client, DATA) == DATA
    assert faulty.now == began
    assert server.tcp_info(faulty.now).total_retrans == 1
    faulty.advance(3 * SECOND)
    (answer,) = (seen for seen in faulty.flags(False, ACK) if seen.at == began + 2 * SECOND)
    assert answer.seg.options.sack[0][1] <= answer.seg.ack, "D-SACK: RFC 2883"
    assert client.recv(1) is WouldBlock.READ


@FAMILIES
def test_a_segment_that_comes_twice_is_taken_once(v6: bool) -> None:
    faulty = lan("in:dup=data#1")
    client, server = faulty.pair(v6=v6)
    assert transfer(faulty, server, client, b"hello") == b"hello"
    faulty.advance(SECOND)
    assert client.recv(9) is WouldBlock.READ
    assert any(seen.seg.options.sack for seen in faulty.flags(False, ACK)), "D-SACK: RFC 2883"
    assert server.tcp_info(faulty.now).total_retrans == 0


@FAMILIES
def test_no_tcp_notices_text_whose_checksum_is_right(v6: bool) -> None:
    faulty = lan("in:corrupt=data#2")
    client, server = faulty.pair(v6=v6)
    got = transfer(faulty, server, client, DATA)
    mss = server.tcp_info(faulty.now).snd_mss
    assert [at for at in range(len(DATA)) if got[at] != DATA[at]] == [mss]
    assert faulty.a.metrics["TcpInCsumErrors"] == 0


@FAMILIES
def test_an_ack_of_what_was_never_sent_is_answered_and_not_believed(v6: bool) -> None:
    faulty = lan("out:ack-unsent=ack#3/1MB")
    client, server = faulty.pair(v6=v6)
    assert transfer(faulty, server, client, DATA) == DATA
    assert len([s for s in faulty.flags(True, ACK) if not s.seg.len]) == 1, "the answer"
    assert server.tcp_info(faulty.now).bytes_acked == len(DATA)


@FAMILIES
def test_a_wrong_ack_of_a_syn_is_reset(v6: bool) -> None:
    """But that has not the number which the client would believe: the challenge ACK (RFC 5961) is the right one."""
    faulty = lan("out:ack-unsent=ack#1/1B")
    listener, client = calling(faulty, v6)
    assert client.connect_result() is None
    assert len(faulty.flags(True, RST)) == 1
    server = listener.accept()
    assert isinstance(server, Sock)
    assert transfer(faulty, server, client, DATA) == DATA


@FAMILIES
def test_nobody_notices_a_loss_that_was_acknowledged(v6: bool) -> None:
    faulty = lan("out:ack-unreceived=any;in:drop=data#3")
    client, server = faulty.pair(v6=v6)
    mss = server.tcp_info(faulty.now).snd_mss
    assert transfer(faulty, server, client, DATA) == DATA[: 2 * mss]
    info = server.tcp_info(faulty.now)
    assert (info.unacked, info.total_retrans, info.bytes_acked) == (0, 0, len(DATA))
    faulty.advance(R2)
    assert client.recv(1) is server.recv(1) is WouldBlock.READ


@FAMILIES
def test_what_is_split_are_smaller_segments(v6: bool) -> None:
    faulty = lan("in:split=100B")
    client, server = faulty.pair(v6=v6)
    assert transfer(faulty, server, client, DATA) == DATA
    sizes = [seen.seg.size for seen in faulty.arrived if seen.is_back]
    assert max(sizes) == 100
    assert len(sizes) > len(faulty.flags(True, 0)) * 10
    assert client.tcp_info(faulty.now).rcv_mss <= 536


@FAMILIES
def test_what_is_merged_overlaps(v6: bool) -> None:
    faulty = lan("in:merge=3kB", TcpConfig(timestamps=False))
    client, server = faulty.pair(v6=v6)
    assert transfer(faulty, server, client, DATA) == DATA
    mss = server.tcp_info(faulty.now).snd_mss
    assert {seen.seg.size for seen in faulty.arrived if seen.is_back} >= {mss, 2 * mss}
    assert client.tcp_info(faulty.now).bytes_received >= len(DATA)
