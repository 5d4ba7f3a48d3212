"""The host's memory budget: windows shrink, then out-of-order text goes, then new work is refused; each is counted."""

import errno

import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6, IPv6ExtHdrFragment
from two_hosts import A4, B4, SECOND, Lan, entropy

from pystack.sock import constants as c
from pystack.sock.calls import Sock
from pystack.sock.constants import WouldBlock
from pystack.stack.config import Config
from pystack.stack.host import Host
from pystack.stack.memory import Memory
from pystack.tcp.pressure import Level, receive_limit, send_limit


def lan_with(memory: int) -> Lan:
    lan = Lan()
    lan.b = Host(Config(addresses=((B4, 24),), memory=memory), entropy("b"))
    return lan


def test_levels() -> None:
    memory = Memory(1000)
    assert memory.charge(750) is Level.NONE
    assert memory.charge(1) is Level.SHRINK
    assert memory.charge(249) is Level.SHRINK
    assert memory.charge(1) is Level.REFUSE
    assert memory.is_short
    assert memory.charge(-1001) is Level.NONE


def test_what_the_levels_allow() -> None:
    assert receive_limit(1 << 20, 65535, 1 << 20, 1460, Level.NONE) == 1 << 20
    assert receive_limit(1 << 20, 65535, 0, 1460, Level.NONE) == 65535
    assert receive_limit(1 << 20, 65535, 1 << 20, 1460, Level.SHRINK) == 4 * 1460
    assert send_limit(1 << 20, 5000, 10 << 20) == 1 << 20
    assert send_limit(1 << 20, 5000, 3000) == 8000, "what is left of the budget, beside what is queued"
    assert send_limit(1 << 20, 5000, -10_000) == 0
    assert send_limit(1 << 20, 0, -10_000) == 16384
    assert send_limit(8000, 0, -10_000) == 8000


def test_one_call_takes_no_more_than_is_left_of_the_budget() -> None:
    lan = Lan()
    lan.a = Host(Config(addresses=((A4, 24),), memory=100_000), entropy("a"))
    client, server = lan.pair()
    lan.cut = True
    sent = 0
    for _ in range(3):
        taken = client.send(bytes(1 << 20))
        sent += 0 if isinstance(taken, WouldBlock) else taken
        lan.run()
    assert 90_000 < sent < 100_000
    assert 99_000 < lan.a.memory.held <= 100_000
    assert not client.writable, "nothing would be taken"
    lan.cut = False
    lan.advance(2 * SECOND)
    assert client.writable
    server.recv(1 << 20)
    assert client.send(bytes(50_000)) == 50_000


def test_windows_shrink_before_the_budget_is_used_up() -> None:
    """Servers that do not read: the first connections may fill 64 KiB each, the later ones little."""
    lan = lan_with(600_000)
    pairs = []
    for port in range(81, 91):
        client, server = lan.pair(port)
        client.send(bytes(1 << 20))
        lan.advance(SECOND)
        pairs.append((client, server))
    held = [s.connection.recvbuf.size for _, s in pairs if s.connection is not None]
    assert held[0] > 60_000
    assert 0 < held[-1] <= 4 * 1460
    assert 450_000 < lan.b.memory.held <= 600_000
    # Reading frees it, and the window opens again.
    client, server = pairs[-1]
    for _, other in pairs[:-1]:
        other.recv(1 << 20)
    got = 0
    while got < 300_000:
        data = server.recv(1 << 20)
        if isinstance(data, WouldBlock):
            lan.advance(SECOND)
        else:
            got += len(data)
            lan.run()


def test_new_work_is_refused_and_counted() -> None:
    lan = lan_with(400_000)
    listener = lan.listener()
    client, _server = lan.pair(81)
    lan.b.memory.charge(400_000)
    refused = Sock(lan.a, c.AF_INET)
    refused.connect(B4, 80, lan.now)
    lan.run()
    assert listener.accept() is WouldBlock.READ
    assert lan.b.metrics["PystackMemoryRefusedOpens"] == 1
    ours = Sock(lan.b, c.AF_INET)
    with pytest.raises(OSError) as caught:
        ours.connect(A4, 80, lan.now)
    assert caught.value.errno == errno.ENOBUFS
    # What exists goes on, a little at a time.
    assert client.send(b"x") == 1
    lan.b.memory.charge(-400_000)
    lan.advance(4 * SECOND)
    assert isinstance(listener.accept(), Sock), "the client's SYN came again"


def test_out_of_order_text_goes_first() -> None:
    lan = lan_with(400_000)
    client, server = lan.pair()
    assert server.connection is not None
    endpoint = server.endpoint
    assert endpoint is not None
    server.connection.reassembly.insert(server.connection.tcb.rcv.nxt + 5000, bytes(3000))
    server.connection.acks.now = True
    lan.b.memory.charge(400_000)
    lan.b.touch(endpoint)
    lan.run()
    assert not server.connection.reassembly
    assert lan.b.metrics["TcpExtOfoPruned"] == 1
    lan.b.memory.charge(-400_000)
    client.send(b"and on it goes")
    lan.run()
    assert server.recv(100) == b"and on it goes"


def test_everything_is_given_back() -> None:
    lan = Lan()
    client, server = lan.pair()
    client.send(bytes(100_000))
    lan.run()
    assert lan.b.memory.held > 65_000
    server.recv(1 << 20)
    client.close(lan.now)
    server.close(lan.now)
    lan.run()
    lan.advance(61 * SECOND)
    assert lan.a.endpoints() == lan.b.endpoints() == []
    assert lan.a.memory.held == lan.b.memory.held == 0


def test_what_gives_way_within_a_batch_is_given_back() -> None:
    """Half-open connections that have to go before they have sent their SYN,ACK."""
    lan = Lan()
    lan.b = Host(Config(addresses=((B4, 24),), syn_queue=4), entropy("b"))
    lan.listener()
    for _ in range(10):
        Sock(lan.a, c.AF_INET).connect(B4, 80, lan.now)
    while (packet := lan.a.poll_transmit(lan.now)) is not None:
        lan.b.receive(bytes(packet), lan.now)
    while lan.b.poll_transmit(lan.now) is not None:
        pass
    assert len(lan.b.endpoints()) == 4
    assert lan.b.metrics["TcpExtReqQFullDrop"] == 6
    assert lan.b.memory.held == sum(endpoint.charged for endpoint in lan.b.endpoints()) > 0
    lan.b.abort_all()
    while lan.b.poll_transmit(lan.now) is not None:
        pass
    assert lan.b.memory.held == 0


def test_fragments_count_too() -> None:
    lan = lan_with(400_000)
    fragment = IP(src="10.0.0.1", dst="10.0.0.2", id=7, flags="MF") / UDP(sport=1, dport=2) / bytes(1000)
    lan.b.receive(bytes(fragment), lan.now)
    assert lan.b.memory.held > 1000
    lan.advance(31 * SECOND)
    assert lan.b.memory.held == 0


@pytest.mark.parametrize("family", [4, 6])
def test_no_fragments_of_new_datagrams_while_memory_is_short(family: int) -> None:
    lan = Lan()
    data = UDP(sport=1, dport=2) / bytes(1000)
    if family == 4:
        fragment = IP(src="10.0.0.1", dst="10.0.0.2", id=7, flags="MF") / data
    else:
        fragment = IPv6(src="fd00::1", dst="fd00::2") / IPv6ExtHdrFragment(m=1, id=7) / data
    budget = lan.b.config.memory + 1
    lan.b.memory.charge(budget)
    lan.b.receive(bytes(fragment), lan.now)
    assert lan.b.memory.held == budget
    assert lan.b.metrics[{4: "PystackIpReasmRefused", 6: "PystackIp6ReasmRefused"}[family]] == 1
    lan.b.memory.charge(-budget)
    lan.b.receive(bytes(fragment), lan.now)
    assert lan.b.memory.held > 1000
