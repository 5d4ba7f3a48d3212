"""Packets come in batches: what is decided about one must hold for the next in the same batch."""

import pytest
from two_hosts import B4, SECOND, Lan, entropy

from pystack.sock import constants as c
from pystack.sock.calls import Sock
from pystack.stack.config import Config
from pystack.stack.host import Host
from pystack.tcp.state import State
from pystack.wire import ipv4, tcp
from pystack.wire.checksum import pseudo_sum
from pystack.wire.options import Options
from pystack.wire.tcp import ACK, RST, SYN, Segment


def packet(port: int, flags: int, seq: int, ack: int = 0, text: bytes = b"") -> bytes:
    """A segment from 10.0.0.1:`port` to port 80."""
    src = bytes((10, 0, 0, 1))
    seg = Segment(seq, ack, flags, 65535, (text,) if text else (), len(text), Options(mss=1460))
    head = tcp.build_header(seg, port, 80)
    length = len(head) + len(text)
    head = tcp.fill_checksum(head, seg.pieces, pseudo_sum(src, B4, 6, length))
    return ipv4.build_header(src, B4, 6, length) + head + text


def drain(host: Host, now: int) -> list[Segment]:
    sent = []
    while (out := host.poll_transmit(now)) is not None:
        sent.append(tcp.parse(ipv4.parse(bytes(out)).payload, None))
    while host.poll_event() is not None:
        pass
    return sent


@pytest.fixture
def host() -> Host:
    return Host(Config(addresses=((B4, 24),), syn_queue=8), entropy("b"))


def listen(host: Host, backlog: int) -> Sock:
    listener = Sock(host, c.AF_INET)
    listener.bind(bytes(4), 80)
    listener.listen(backlog)
    return listener


def handshakes(host: Host, ports: range) -> dict[int, int]:
    """SYNs from all ports; returns our ISN for each."""
    for port in ports:
        host.receive(packet(port, SYN, 1000), SECOND)
    return {seg.dst_port: seg.seq for seg in drain(host, SECOND)}


def test_a_completed_connection_does_not_give_way_to_the_next_syns(host: Host) -> None:
    listener = listen(host, 5)
    (iss,) = handshakes(host, range(5000, 5001)).values()
    host.receive(packet(5000, ACK, 1001, iss + 1), SECOND)
    for port in range(6000, 6020):
        host.receive(packet(port, SYN, 1000), SECOND)
    drain(host, SECOND)
    accepted = listener.accept()
    assert isinstance(accepted, Sock)
    host.receive(packet(5000, ACK, 1001, iss + 1, b"hello"), SECOND)
    assert not [seg for seg in drain(host, SECOND) if seg.flags & RST]
    assert accepted.recv(100) == b"hello"


def test_the_backlog_holds_within_a_batch(host: Host) -> None:
    listener = listen(host, 1)
    isns = handshakes(host, range(5000, 5008))
    for port, iss in isns.items():
        host.receive(packet(port, ACK, 1001, iss + 1), SECOND)
    drain(host, SECOND)
    accepted = [s for _ in range(8) if isinstance(s := listener.accept(), Sock)]
    assert len(accepted) == 2, "one more than the backlog, as Linux"
    assert host.metrics["TcpExtListenOverflows"] == 6


def test_the_heap_of_deadlines_does_not_grow_with_traffic() -> None:
    lan = Lan()
    client, server = lan.pair()
    quiet, _ = lan.pair(81)
    for sock in (client, server, quiet):
        sock.setsockopt(c.SOL_SOCKET, c.SO_KEEPALIVE, 1)
    for _ in range(1000):
        client.send(b"x")
        lan.run()
        server.recv(10)
        server.send(b"y")
        lan.run()
        client.recv(10)
        lan.advance(SECOND // 100)
    for host in (lan.a, lan.b):
        assert len(host._deadlines) < 200


def test_lingering_off_does_not_end_time_wait() -> None:
    lan = Lan()
    client, server = lan.pair()
    client.shutdown(c.SHUT_WR)
    lan.run()
    server.close(lan.now)
    lan.run()
    endpoint = client.endpoint
    assert endpoint is not None
    assert endpoint.connection.tcb.state is State.TIME_WAIT
    client.setsockopt(c.SOL_SOCKET, c.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    client.close(lan.now)
    lan.run()
    assert list(lan.a.connections.time_waits) == [endpoint.id]
