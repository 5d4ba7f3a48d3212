"""The scripted peer: what it fills in, what it refuses to let pass, and how it says so."""

import subprocess
import sys
from collections.abc import Callable
from ipaddress import ip_address

import pytest
from scapy.layers.inet import ICMP, IP, TCP, UDP, defragment
from scapy.layers.inet6 import ICMPv6EchoReply, ICMPv6EchoRequest, IPv6, defragment6

import pystack
from pystack.sock.calls import Sock
from pystack.tcp.config import TcpConfig
from pystack.tcp.state import State
from pystack.testing import Peer, host, peer

FAMILIES = pytest.mark.parametrize("family", [4, 6])
STATES = {
    "syn_received": State.SYN_RECEIVED,
    "established": State.ESTABLISHED,
    "fin_wait_1": State.FIN_WAIT_1,
    "fin_wait_2": State.FIN_WAIT_2,
    "close_wait": State.CLOSE_WAIT,
    "closing": State.CLOSING,
    "last_ack": State.LAST_ACK,
    "time_wait": State.TIME_WAIT,
}
RICH = [("MSS", 1400), ("SAckOK", b""), ("Timestamp", (5, 0)), ("WScale", 7)]


def listening(p: Peer, port: int) -> Sock:
    sock = Sock(p.host, 2 if p.family == 4 else 10)
    sock.bind(bytes(4 if p.family == 4 else 16), port)
    sock.listen(5)
    return sock


@FAMILIES
def test_the_script_of_the_readme(family: int) -> None:
    with pystack.testing.peer(host(), family=family) as p:
        server = listening(p, 8080)
        ip = IP if family == 4 else IPv6
        p.send(ip() / TCP(flags="S", options=[("MSS", 1460)]))
        syn_ack = p.expect(TCP, flags="SA", within="1 s")
        assert (syn_ack.src, syn_ack[TCP].sport) == (p.host_address(), 8080)
        p.send(ip() / TCP(flags="PA") / b"hello")
        p.expect(TCP, flags="A", ack=1006)
        child = server.accept()
        assert isinstance(child, Sock)
        assert child.recv(100) == b"hello"


@FAMILIES
@pytest.mark.parametrize("active", [False, True])
@pytest.mark.parametrize("options", [[("MSS", 1460)], RICH], ids=["plain", "rich"])
@pytest.mark.parametrize("name", STATES)
def test_a_connection_in_any_state(family: int, name: str, active: bool, options: list) -> None:
    with peer(host(), family=family) as p:
        c = getattr(p, name)(active=active, options=options)
        assert c.state is STATES[name]
        p.expect_nothing()
        assert (c.listener is None) == active
        if name != "syn_received" or active:
            assert c.sock.connection is c.connection
            assert c.sock.getsockname()[0] == ip_address(p.host_address()).packed
        else:
            with pytest.raises(AssertionError, match="no connection to accept yet"):
                _ = c.sock
    assert p.host.listeners == {}
    assert [e for e in p.host.endpoints() if e.connection.tcb.state is not State.TIME_WAIT] == []


def test_syn_sent() -> None:
    with peer(host()) as p:
        c = p.syn_sent(port=99)
        assert c.state is State.SYN_SENT
        assert c.flow.ends.peer_port == 99


def test_what_a_packet_says_stays_as_it_is() -> None:
    with peer(host()) as p:
        sent = p.send(
            IP(src="10.0.0.9", ttl=3)
            / TCP(sport=1, dport=2, flags="S", seq=7, window=1, options=[("MSS", 9)], chksum=5)
        )
        assert (sent.src, sent.ttl, sent.dst) == ("10.0.0.9", 3, "10.0.0.2")
        tcp = sent[TCP]
        assert (tcp.sport, tcp.dport, tcp.seq, tcp.window, tcp.options, tcp.chksum) == (1, 2, 7, 1, [("MSS", 9)], 5)
        assert p.host.metrics["TcpInCsumErrors"] == 1


def test_the_script_keeps_its_packet() -> None:
    packet = IP() / TCP(flags="S")
    with peer(host()) as p:
        assert p.send(packet) is not packet
    assert packet[TCP].fields.keys() == {"flags"}


@FAMILIES
def test_bytes_go_as_they_are(family: int) -> None:
    with peer(host(), family=family) as p:
        c = p.established()
        packet = bytes(c.packet("PA", b"text", seq=1, ack=1))
        p.send(packet)
        c.expect("A", ack=5)
        c.send("PA", b"more")  # and their numbers count
        assert c.sock.recv(100) == b"textmore"
        p.skip()
        for garbage in (b"", b"E", b"`", b"\x45\x00garbage", b"\x60" + bytes(39)):
            p.send(garbage)
        p.expect_nothing()


def test_a_segment_alone_gets_a_header_of_the_peers_family() -> None:
    with peer(host(), family=6) as p:
        p.send(TCP(dport=9, flags="S"))
        assert IPv6 in p.expect(TCP, flags="RA")


@FAMILIES
def test_timestamps_are_filled_in_where_both_have_them(family: int) -> None:
    with peer(host(), family=family) as p:
        c = p.established(options=RICH)
        c.sock.send(b"x")
        stamp = dict(c.expect("PA")[TCP].options)["Timestamp"][0]
        p.wait("10 ms")
        assert dict(c.send()[TCP].options)["Timestamp"] == (1010, stamp)
        plain = p.established(options=[("MSS", 1460)], active=True)
        assert plain.send()[TCP].options == []


def test_numbers_are_relative_to_the_syns_and_wrap() -> None:
    with peer(host(), iss=0xFFFFFFFE) as p:
        c = p.established()
        assert c.send("PA", b"abcd", seq=1)[TCP].seq == 0xFFFFFFFF
        packet = c.expect("A", seq=1, ack=5)
        assert packet[TCP].ack == 3
        assert (c.seq(packet), c.ack(packet)) == (1, 5)
        assert c.send("A", seq=-1)[TCP].seq == 0xFFFFFFFD


def test_an_old_packet_does_not_move_the_next_number() -> None:
    with peer(host()) as p:
        c = p.established()
        c.send("PA", b"abcd")
        c.send("PA", b"ab", seq=1)
        c.send("S", seq=500)
        assert c.send("PA", b"e")[TCP].seq == 1005
        assert c.sock.recv(100) == b"abcde"


def test_sack_blocks_are_the_hosts_numbers() -> None:
    with peer(host()) as p:
        c = p.established(options=RICH)
        c.sock.send(bytes(5000))
        p.skip()
        c.send("A", ack=1, sack=[(1389, 2777)])
        assert c.sock.tcp_info(p.now).sacked == 1


@FAMILIES
def test_other_protocols(family: int) -> None:
    with peer(host(), family=family) as p:
        if family == 4:
            p.send(IP() / ICMP(id=7) / b"ping")
            p.expect(ICMP, type=0, id=7, src="10.0.0.2", dst="10.0.0.1")
        else:
            p.send(IPv6() / ICMPv6EchoRequest(id=7, data=b"ping"))
            p.expect(ICMPv6EchoReply, id=7, data=b"ping", src="fd00::2")
        p.send(UDP(dport=9) / b"?")
        p.expect(type=3 if family == 4 else 1)


@FAMILIES
def test_answers_in_fragments(family: int) -> None:
    """scapy joins them; each alone has the lengths of a fragment and the checksum of the whole."""
    with peer(host(mtu=1280), family=family) as p:
        if family == 4:
            p.send(IP() / ICMP(id=7) / bytes(3000))
            first = p.expect(ICMP, type=0, id=7, flags="MF")
            (whole,) = defragment([first, *p.skip()])
            assert bytes(whole[ICMP].payload) == bytes(3000)
        else:
            p.send(IPv6() / ICMPv6EchoRequest(id=7, data=bytes(3000)))
            first = p.expect(ICMPv6EchoReply, id=7, m=1, offset=0)
            assert bytes(defragment6([first, *p.skip()])[ICMPv6EchoReply].data) == bytes(3000)


def change(p: Peer, monkeypatch: pytest.MonkeyPatch, damage: Callable[[bytearray], None]) -> None:
    """Damages every packet that the host sends."""
    good = p.host.poll_transmit

    def damaged(now: int) -> bytes | None:
        packet = good(now)
        if packet is None:
            return None
        data = bytearray(bytes(packet))
        damage(data)
        return bytes(data)

    monkeypatch.setattr(p.host, "poll_transmit", damaged)


@FAMILIES
def test_a_fragment_with_a_wrong_length(family: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def longer(data: bytearray) -> None:
        data[3 if family == 4 else 5] += 1

    with peer(host(mtu=1280), family=family) as p:
        change(p, monkeypatch, longer)
        with pytest.raises(AssertionError, match=r"not well built\n  expected: IP(v6)? (len|plen) is"):
            p.send((IP() / ICMP() if family == 4 else IPv6() / ICMPv6EchoRequest(data=b"")) / bytes(3000))
        monkeypatch.undo()


def test_bytes_behind_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    with peer(host()) as p:
        change(p, monkeypatch, lambda data: data.extend(b"more"))
        with pytest.raises(AssertionError, match="not well built\n  expected: there are 4 bytes behind its end"):
            p.send(TCP(dport=9, flags="S"))
        monkeypatch.undo()


def test_another_packet_is_an_error_that_shows_both() -> None:
    with peer(host()) as p:
        c = p.established()
        c.send("FA")
        with pytest.raises(AssertionError) as caught:
            c.expect("SA", ack=99, window=lambda w: w > 7)
        first, expected, actual, came, *before = str(caught.value).splitlines()
        assert first == "the host has sent another packet: flags is A; ack is 1002"
        assert expected.startswith("  expected: TCP ")
        assert "flags=SA ack=1099" in expected
        assert actual.startswith("  actual:   TCP ")
        assert "flags=A ack=1002" in actual
        assert " < 10.0.0.2:" in came
        assert [line[14] for line in before[1:]] == [">", "<", ">", ">"]
        c.expect("A", ack=2)  # it is still there


def test_a_packet_without_the_layer() -> None:
    with peer(host()) as p:
        p.send(TCP(dport=9, flags="S"))
        with pytest.raises(AssertionError, match="there is no UDP in it"):
            p.expect(UDP)


@pytest.mark.parametrize("wanted", [{"text": b"other"}, {"size": 3}, {"nonsense": 1}, {"ttl": 1}])
def test_what_can_be_asked_of_a_packet(wanted: dict) -> None:
    with peer(host()) as p:
        c = p.established()
        c.sock.send(b"text")
        with pytest.raises(AssertionError, match=r"its text is|bytes of text|no field nonsense|ttl is 64"):
            c.expect("PA", **wanted)
        c.expect("AP", text=b"text", size=4, ttl=64, window=lambda w: w > 0)


def test_nothing_comes() -> None:
    with peer(host()) as p:
        p.established()
        with pytest.raises(AssertionError, match=r"nothing\n  expected: TCP flags=A\n  actual:   none, in 0.5 s"):
            p.expect(TCP, flags="A", within="500 ms")
        assert p.now == 1_500_000_000


def test_something_comes() -> None:
    with peer(host()) as p:
        c = p.established()
        c.sock.send(b"text")
        with pytest.raises(AssertionError, match="expected: nothing for 1 s"):
            p.expect_nothing(for_="1 s")
        p.expect_nothing(UDP, for_="100 ms")


def test_time_goes_on_in_virtual_time_alone() -> None:
    with peer(host()) as p:
        c = p.established()
        c.sock.send(b"text")
        p.wait("100 ms")
        assert [h.at for h in p.heard if h.packet[TCP].payload] == [1_000_000_000]
        c.expect("PA")
        began = p.now
        c.expect("PA", within="10 s")
        assert 100_000_000 < p.now - began < 1_000_000_000, "not longer than it takes"
        p.wait("24 h")
        assert p.now == p.now // 1 > 86400 * 10**9


def test_a_packet_that_scapy_would_have_written_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong_checksum(data: bytearray) -> None:
        data[36] ^= 1

    with peer(host()) as p:
        c = p.established()
        change(p, monkeypatch, wrong_checksum)
        c.sock.send(b"text")
        with pytest.raises(AssertionError, match="not well built\n  expected: TCP chksum is"):
            p.skip()
        monkeypatch.undo()


def test_the_same_script_gives_the_same_packets() -> None:
    def script(seed: int) -> list[bytes]:
        with peer(host(seed=seed)) as p:
            c = p.established(active=True, options=RICH)
            c.sock.send(bytes(3000))
            p.wait("3 s")
            return [h.data for h in p.heard]

    assert script(1) == script(1)
    assert script(1) != script(2)


def test_batches_are_seen_before_the_answer() -> None:
    with peer(host()) as p:
        c = p.established()
        p.batch(c.packet("PA", b"b", seq=2, ack=1), c.packet("PA", b"a", seq=1, ack=1))
        c.expect("A", ack=3)
        p.expect_nothing()


@pytest.mark.parametrize(
    ("address", "neighbour"),
    [
        ("10.0.0.1/24", "10.0.0.2"),
        ("192.0.2.7/32", "192.0.2.8"),
        ("10.0.0.0/31", "10.0.0.1"),
        ("10.9.8.7/30", "10.9.8.5"),
    ],
)
def test_the_peer_is_a_neighbour(address: str, neighbour: str) -> None:
    p = peer(host(address))
    assert p.address() == neighbour
    with pytest.raises(ValueError, match="no address of IPv6"):
        p.address(6)


def test_settings_and_errors_of_a_host() -> None:
    assert host("10.0.0.2/8", mtu=576, tcp=TcpConfig(sack=False)).config.mtu == 576
    assert not host(sack=False).config.tcp.sack
    with pytest.raises(ValueError):
        host("nonsense")
    with pytest.raises(TypeError):
        host(nonsense=1)
    with pytest.raises(ValueError, match="4 or 6"):
        peer(host(), family=5)


def run(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def test_importing_it_loads_neither_scapy_nor_trio() -> None:
    loaded = run("import pystack; pystack.testing.host; pystack.testing.peer; import sys; print(*sys.modules)").split()
    assert {"pystack.testing.hosts", "pystack.testing.scriptedpeer"} <= set(loaded)
    assert not {"scapy", "trio", "pytun"} & {name.partition(".")[0] for name in loaded}


def test_without_scapy_it_says_what_to_do() -> None:
    code = """
import sys
sys.modules["scapy.layers"] = None
import pystack
try:
    pystack.testing.peer(pystack.testing.host()).established()
except ModuleNotFoundError as error:
    print(error)
"""
    assert "pip install scapy" in run(code)
