"""Connections that are cut off, stall, or lack what a path has taken away, and what the TCPs do; in virtual time.

`a` calls and hears, `b` is called and sends: what `b` sends comes in, and `a`'s acknowledgements go out.
"""

import errno

import pytest
from fault_lan import SECOND, FaultyLan, lan, text, transfer
from two_hosts import fails

from pystack.sock.calls import Sock
from pystack.sock.constants import WouldBlock
from pystack.tcp.config import TcpConfig
from pystack.tcp.ecn import EcnMode
from pystack.wire.tcp import ACK, CWR, ECE, RST, SYN

DATA = text(200_000)
HOUR = 3600 * SECOND
R2 = 1000 * SECOND
SOME = 50_000
FAMILIES = pytest.mark.parametrize("v6", [False, True], ids=["IPv4", "IPv6"])


def cut_off(faulty: FaultyLan, v6: bool = False) -> tuple[Sock, Sock, int]:
    """A response of which `SOME` bytes, in whole segments, can arrive; both ends, and how much has."""
    client, server = faulty.pair(v6=v6)
    taken = server.send(DATA)
    assert taken == len(DATA)
    faulty.run()
    got = 0
    try:
        while isinstance(part := client.recv(1 << 20), bytes):
            got += len(part)
    except ConnectionResetError:
        got = -1  # Linux gives the error first; what has arrived is lost
    return client, server, got


def whole_segments(server: Sock, faulty: FaultyLan) -> int:
    mss = server.tcp_info(faulty.now).snd_mss
    return SOME // mss * mss


@FAMILIES
def test_a_window_that_closes_for_good(v6: bool) -> None:
    faulty = lan("out:close-window=50kB")
    client, server = faulty.pair(v6=v6)
    got = len(transfer(faulty, server, client, DATA))
    assert SOME - 256 < got <= SOME, "a window is told in units of 256 bytes"
    faulty.advance(HOUR)
    assert server.tcp_info(faulty.now).state == "ESTABLISHED"
    assert server.tcp_info(faulty.now).snd_wnd == 0
    probes = [seen.at for seen in faulty.flags(True, ACK) if seen.at > faulty.now - HOUR]
    assert 25 < len(probes) < 40, "one every 2 minutes, when it has slowed down"
    edges = [s.seg.ack + (s.seg.wnd << 8 * (not s.seg.flags & SYN)) for s in faulty.arrived if not s.is_back]
    assert faulty.arrived[0].seg.wnd == SOME, "the window of a SYN is never scaled"
    first = faulty.flags(True, SYN)[0].seg.seq + 1
    assert max(edges[1:]) <= first + SOME, "nothing was offered that was then taken back"


def test_a_user_timeout_ends_waiting_for_a_window() -> None:
    faulty = lan("out:close-window=0B", TcpConfig(user_timeout=10 * SECOND))
    client, server = faulty.pair()
    assert transfer(faulty, server, client, DATA, 9 * SECOND) == b""
    faulty.advance(20 * SECOND)
    fails(errno.ETIMEDOUT, server.send, b"x")


@FAMILIES
@pytest.mark.parametrize("spec", ["in:reset=50kB", "reset=50kB"])
def test_both_are_reset(spec: str, v6: bool) -> None:
    faulty = lan(spec)
    _, server, got = cut_off(faulty, v6)
    assert got == -1
    fails(errno.ECONNRESET, server.recv, 1)
    mss = max(seen.seg.size for seen in faulty.seen)
    assert sum(seen.seg.size for seen in faulty.arrived if seen.is_back) == SOME // mss * mss


@FAMILIES
def test_the_receiver_is_reset_and_the_sender_goes_on(v6: bool) -> None:
    faulty = lan("in:reset=50kB/receiver")
    _, server, got = cut_off(faulty, v6)
    assert got == -1
    assert not faulty.flags(True, RST)
    faulty.advance(SECOND)
    assert server.tcp_info(faulty.now).state == "ESTABLISHED", "its text is lost, and it sends it again"
    faulty.advance(R2)
    fails(errno.ETIMEDOUT, server.recv, 1)


@FAMILIES
def test_the_sender_is_reset_and_its_host_resets_the_receiver(v6: bool) -> None:
    faulty = lan("in:reset=50kB/sender")
    _, server, got = cut_off(faulty, v6)
    fails(errno.ECONNRESET, server.recv, 1)
    assert got == -1
    assert faulty.flags(True, RST), "for the acknowledgements that were still under way"


@FAMILIES
@pytest.mark.parametrize("spec", ["stall=50kB", "in:stall=50kB", "in:vanish=50kB", "out:vanish=50kB"])
def test_a_connection_that_stalls(spec: str, v6: bool) -> None:
    faulty = lan(spec)
    client, server, got = cut_off(faulty, v6)
    assert got == whole_segments(server, faulty)
    faulty.advance(R2)
    fails(errno.ETIMEDOUT, server.send, b"x")
    faulty.advance(HOUR)
    assert client.recv(1) is WouldBlock.READ, "it only waits, and has no keep-alive"


def test_keep_alive_finds_that_the_other_end_has_vanished() -> None:
    faulty = lan("in:vanish=50kB", TcpConfig(keepalive=True))
    client, _, _ = cut_off(faulty)
    faulty.advance(2 * HOUR + 9 * 75 * SECOND - 1)
    assert client.recv(1) is WouldBlock.READ
    faulty.advance(1)
    fails(errno.ETIMEDOUT, client.recv, 1)


@FAMILIES
def test_an_end_that_comes_back_knows_nothing(v6: bool) -> None:
    faulty = lan("in:reboot=50kB")
    _, server, got = cut_off(faulty, v6)
    assert got == -1, "its acknowledgements are answered by RSTs"
    assert not faulty.flags(True, RST), "it is the fault that speaks"
    faulty.advance(R2)
    fails(errno.ETIMEDOUT, server.recv, 1)
    again, other = faulty.pair(81, v6)
    assert transfer(faulty, other, again, DATA[:SOME]) == DATA[:SOME], "another connection gets through"


@FAMILIES
def test_whose_peer_has_come_back_is_reset_when_it_sends(v6: bool) -> None:
    faulty = lan("out:reboot=50kB")
    client, server, _ = cut_off(faulty, v6)
    fails(errno.ECONNRESET, server.recv, 1)
    assert client.send(b"nobody hears this") == 17
    faulty.advance(R2)
    fails(errno.ETIMEDOUT, client.recv, 1)


@FAMILIES
def test_a_black_hole(v6: bool) -> None:
    faulty = lan("in:black-hole=1400B")
    client, server = faulty.pair(v6=v6)
    assert transfer(faulty, server, client, b"small") == b"small"
    assert transfer(faulty, client, server, DATA) == DATA, "the other direction is well"
    assert transfer(faulty, server, client, DATA) == b""
    faulty.advance(R2)
    fails(errno.ETIMEDOUT, server.recv, 1)


@FAMILIES
@pytest.mark.parametrize("verb", ["bleach", "strip"])
@pytest.mark.parametrize("options", ["sack", "timestamps", "wscale", "mss", "all"])
def test_tcp_does_without_options(options: str, verb: str, v6: bool) -> None:
    faulty = lan(f"{verb}={options};in:drop=data#3")
    client, server = faulty.pair(v6=v6)
    assert transfer(faulty, server, client, DATA) == DATA
    info = server.tcp_info(faulty.now)
    gone = {options} if options != "all" else {"sack", "timestamps", "wscale", "mss"}
    assert info.sack == ("sack" not in gone)
    assert info.timestamps == ("timestamps" not in gone)
    assert info.snd_wscale == info.rcv_wscale == 8 * ("wscale" not in gone)
    mss = (1220 if v6 else 536) if "mss" in gone else (1440 if v6 else 1460)
    assert info.snd_mss == mss - 12 * info.timestamps
    assert info.total_retrans == 1
    if "wscale" in gone:
        assert info.snd_wnd <= 0xFFFF


@FAMILIES
def test_ecn_is_given_up_where_the_handshake_loses_it(v6: bool) -> None:
    asks = TcpConfig(ecn=EcnMode.REQUEST)
    for spec, is_used in (("drop=rst", True), ("bleach=ece", False), ("in:bleach=ece", False), ("bleach=ecn", True)):
        faulty = lan(spec, asks)
        client, server = faulty.pair(v6=v6)
        assert transfer(faulty, server, client, DATA) == DATA
        assert len(faulty.flags(False, SYN | ECE | CWR)) == 1
        assert any(seen.seg.flags & ECE for seen in faulty.flags(True, SYN)) == (spec != "bleach=ece")
        assert client.connection is not None
        assert client.connection.ecn.active == is_used, spec
    assert faulty.now == SECOND
