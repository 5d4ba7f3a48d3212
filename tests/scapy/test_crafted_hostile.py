"""What an attacker sends who can forge anything, but cannot see what passes."""

import pytest
from scapy.layers.inet import ICMP, IP, TCP
from scapy.layers.inet6 import ICMPv6EchoRequest, ICMPv6PacketTooBig, IPv6
from scapy.packet import Raw

from pystack.sock.calls import Sock
from pystack.sock.constants import WouldBlock
from pystack.tcp.config import TcpConfig
from pystack.tcp.state import State
from pystack.testing import Peer, host, peer


def test_a_flood_of_syns_from_everywhere(family: int) -> None:
    """The queue stays bounded, the oldest go, and an honest client still gets in."""
    with peer(host(syn_queue=50), family=family) as p:
        c = p.syn_received()
        port = c.listener.getsockname()[1]
        for n in range(300):
            source = IP(src=f"10.0.{1 + n // 200}.{1 + n % 200}") if family == 4 else IPv6(src=f"fd00::{n + 5:x}")
            p.send(source / TCP(sport=1000 + n, dport=port, flags="S", seq=n))
        assert len(p.host.endpoints()) == 50
        assert p.host.metrics["TcpExtReqQFullDrop"] == 251
        p.skip()
        p.send(TCP(sport=9, dport=port, flags="S", seq=1))
        syn_ack = p.expect(TCP, flags="SA")
        p.send(TCP(sport=9, dport=port, flags="PA", seq=2, ack=syn_ack[TCP].seq + 1) / Raw(b"honest"))
        child = c.listener.accept()
        assert isinstance(child, Sock)
        assert child.recv(100) == b"honest"
        child.close(p.now)


def test_blind_resets_all_over_the_window(p: Peer) -> None:
    """One number in 65,535 is right; the others are challenged, at most twice in a second."""
    c = p.established()
    for seq in range(2, 60_000, 997):
        c.send("R", seq=seq)
        p.wait("10 ms")
    assert c.state is State.ESTABLISHED
    challenges = p.skip()
    assert 0 < len(challenges) <= 2
    assert {str(packet[TCP].flags) for packet in challenges} == {"A"}


def test_blind_syns_do_not_reset(p: Peer) -> None:
    c = p.established()
    for seq in (1, 500, -500, 70_000, 1 << 31):
        c.send("S", seq=seq)
        p.wait("600 ms")
    assert [str(packet[TCP].flags) for packet in p.skip()] == ["A"] * 5
    assert c.state is State.ESTABLISHED


def test_two_confused_peers_have_no_ack_war(p: Peer) -> None:
    """Each answer is answered in turn with an unacceptable segment; it dies out."""
    c = p.established()
    c.send("A", seq=-100)
    answers = 0
    for _ in range(100):
        heard = p.skip()
        if not heard:
            break
        answers += len(heard)
        c.send("A", seq=-100)
    assert answers <= 2


def test_acknowledgements_of_what_was_never_sent(p: Peer) -> None:
    """An optimistic receiver gains nothing."""
    c = p.established()
    c.sock.send(bytes(100_000))
    before = c.sock.tcp_info(p.now)
    p.skip()
    for ack in (50_000, 100_001, 1 << 30, (1 << 31) - 1):
        c.send("A", ack=ack)
    now = c.sock.tcp_info(p.now)
    assert (now.snd_cwnd, now.unacked, now.bytes_acked) == (10, 10, 0)
    assert before.state == now.state == "ESTABLISHED"


@pytest.mark.parametrize(
    "block",
    [(0, 0), (2921, 1461), (1, 1 << 31), (100_000, 200_000), (-5000, -10), (-10, 2000), (14_000, 90_000)],
    ids=str,
)
def test_nonsense_in_selective_acknowledgements(p: Peer, block: tuple[int, int]) -> None:
    c = p.established(options=[("MSS", 1460), ("SAckOK", b"")])
    c.sock.send(bytes(10 * 1400))
    p.skip()
    for _ in range(5):
        c.send("A", ack=1, sack=[block])
    board = c.connection.board
    assert 0 <= board.sacked_out <= board.packets_out
    assert board.in_flight >= 0
    end = c.connection.tcb.snd.nxt - c.connection.tcb.iss
    c.send("A", ack=end)
    assert (board.packets_out, board.sacked_out, board.lost_out, board.retrans_out) == (0, 0, 0, 0)


@pytest.mark.parametrize("mss", [0, 1, 47])
def test_a_tiny_mss_does_not_multiply_packets(p: Peer, mss: int) -> None:
    c = p.established(options=[("MSS", mss)])
    c.sock.send(bytes(480))
    assert {len(packet[TCP].payload) for packet in p.skip()} == {48 if mss else 480}


@pytest.mark.parametrize("shift", [15, 255])
def test_a_window_scale_that_cannot_be(p: Peer, shift: int) -> None:
    c = p.established(options=[("MSS", 1460), ("WScale", shift)])
    c.send("A", window=1)
    assert c.sock.tcp_info(p.now).snd_wscale == 14
    assert c.sock.tcp_info(p.now).snd_wnd == 1 << 14


def test_text_in_crumbs_costs_no_more_memory_than_the_buffer(p: Peer) -> None:
    """Every second byte of the window, out of order."""
    c = p.established(tcp=TcpConfig(rcvbuf=20_000))
    for seq in range(19_000, 2, -2):
        c.send("A", b"x", seq=seq)
        p.host.poll_event()
    held = c.connection.recvbuf.held + c.connection.reassembly.held
    assert held <= 2 * 20_000 + 2048


def test_a_client_that_never_reads_costs_no_timer_storm(p: Peer) -> None:
    """Sockstress: a shut window, and nothing more. The probes get rare, and an orphan is given up."""
    c = p.established()
    c.send("A", window=0)
    c.sock.send(bytes(10_000))
    p.wait("10 min")
    assert len(p.skip()) < 20
    c.sock.close(p.now)
    p.wait("1 h")
    assert c.state is State.CLOSED
    assert p.host.endpoints() == []


def test_a_segment_from_ourselves(p: Peer) -> None:
    """LAND: source and destination are the same."""
    c = p.syn_received()
    port = c.listener.getsockname()[1]
    ip = (IP if p.family == 4 else IPv6)(src=p.host_address(), dst=p.host_address())
    p.send(ip / TCP(sport=port, dport=port, flags="S"))
    p.expect_nothing()
    assert len(p.host.endpoints()) == 1


def test_a_ping_to_everybody_is_not_answered_for_others(family: int) -> None:
    """Smurf: IPv4's is ignored; IPv6's goes to the sender, from our own address."""
    with peer(host(), family=family) as p:
        if family == 4:
            for group in ("10.0.0.255", "255.255.255.255", "224.0.0.1"):
                p.send(IP(dst=group) / ICMP() / b"x")
            p.send(IP(src="10.0.0.255") / ICMP() / b"x")
            p.expect_nothing()
        else:
            p.send(IPv6(dst="ff02::1") / ICMPv6EchoRequest(data=b"x"))
            p.expect(IPv6, src="fd00::2", dst="fd00::1")
            p.send(IPv6(src="ff02::1") / ICMPv6EchoRequest(data=b"x"))
            p.expect_nothing()


@pytest.mark.parametrize("mtu", [0, 68, 575, 1279])
def test_a_forged_path_does_not_shrink_for_ever(p: Peer, mtu: int) -> None:
    """An attacker that even knows the numbers gets packets no smaller than the floor."""
    c = p.established()
    c.sock.send(bytes(30_000))
    lost = c.expect("A")
    p.skip()
    message = ICMP(type=3, code=4, nexthopmtu=mtu) if p.family == 4 else ICMPv6PacketTooBig(mtu=mtu)
    ip = IP() if p.family == 4 else IPv6()
    quote = bytes(lost)[:28] if p.family == 4 else bytes(lost)
    p.send(ip / message / Raw(quote))
    p.wait("5 s")
    assert c.connection.snd_mss >= (552 - 40 if p.family == 4 else 1280 - 60)
    assert c.state is State.ESTABLISHED


def test_overlapping_fragments_do_not_rewrite_a_header(family: int) -> None:
    """The second piece would lie over the ports of the first."""
    from scapy.layers.inet6 import IPv6ExtHdrFragment  # noqa: PLC0415

    with peer(host(), family=family) as p:
        c = p.established()
        ends = c.flow.ends
        segment = bytes(c.packet("PA", b"attack!!" * 8, seq=1, ack=1, window=65535))[20 if family == 4 else 40 :]
        for start, stop in ((0, 24), (8, 32), (32, len(segment)), (24, 32)):
            offset, piece, more = start, segment[start:stop], stop < len(segment)
            if family == 4:
                ip = IP(src=ends.peer, dst=ends.host, proto=6, id=9, flags="MF" if more else 0, frag=offset // 8)
                p.send(bytes(ip / Raw(piece)))
            else:
                ip6 = IPv6(src=ends.peer, dst=ends.host)
                p.send(bytes(ip6 / IPv6ExtHdrFragment(nh=6, id=9, m=int(more), offset=offset // 8) / Raw(piece)))
        assert c.sock.recv(1000) is WouldBlock.READ
        assert p.host.metrics["IpExtReasmOverlaps" if family == 4 else "PystackIp6ReasmOverlaps"] == 1
