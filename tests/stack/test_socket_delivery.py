"""What a socket decides about its packets and its handshake: TTL, TOS, MSS, deferred accept."""

import pytest
from two_hosts import B4, B6, SECOND, Lan

from pystack.sock import constants as c
from pystack.sock.calls import Sock
from pystack.sock.constants import WouldBlock
from pystack.wire import icmpv4, ipv4, ipv6, tcp
from pystack.wire.packet import Packet


def listen_in(lan: Lan, host_name: str) -> list[bytes]:
    """All packets that a host sends from now on."""
    host = getattr(lan, host_name)
    packets: list[bytes] = []
    original = host.poll_transmit

    def poll_transmit(now: int) -> Packet | None:
        packet = original(now)
        if packet is not None:
            packets.append(bytes(packet))
        return packet

    host.poll_transmit = poll_transmit
    return packets


@pytest.mark.parametrize("v6", [False, True])
def test_must_48_49_ttl_and_tos_of_every_segment(v6: bool) -> None:
    lan = Lan()
    sent = listen_in(lan, "a")
    client = Sock(lan.a, c.AF_INET6 if v6 else c.AF_INET)
    level, tos, ttl = (c.IPPROTO_IPV6, c.IPV6_TCLASS, c.IPV6_UNICAST_HOPS) if v6 else (c.IPPROTO_IP, c.IP_TOS, c.IP_TTL)
    client.setsockopt(level, tos, 0x28)
    client.setsockopt(level, ttl, 7)
    lan.listener(v6=v6)
    client.connect(B6 if v6 else B4, 80, lan.now)
    lan.run()
    client.send(b"x")
    lan.run()
    parse = ipv6.parse if v6 else ipv4.parse
    assert {(parse(p).tos, parse(p).ttl) for p in sent} == {(0x28, 7)}
    assert len(sent) == 3
    client.setsockopt(level, tos, 0x10)  # SHLD-21: during the connection
    client.send(b"y")
    lan.run()
    assert parse(sent[-1]).tos == 0x10


def test_accepted_connections_inherit_them_from_the_syn_ack_on() -> None:
    lan = Lan()
    listener = lan.listener()
    listener.setsockopt(c.IPPROTO_IP, c.IP_TOS, 0x20)
    listener.setsockopt(c.IPPROTO_IP, c.IP_TTL, 9)
    sent = listen_in(lan, "b")
    Sock(lan.a, c.AF_INET).connect(B4, 80, lan.now)
    lan.run()
    server = listener.accept()
    assert isinstance(server, Sock)
    server.send(b"x")
    lan.run()
    assert [(ipv4.parse(p).tos, ipv4.parse(p).ttl) for p in sent] == [(0x20, 9)] * len(sent)
    assert server.getsockopt(c.IPPROTO_IP, c.IP_TTL) == 9


def test_ecn_has_its_own_bits() -> None:
    lan = Lan()
    client, server = lan.pair()
    assert server.connection is not None
    assert client.connection is not None
    client.connection.ecn.active = server.connection.ecn.active = True
    client.setsockopt(c.IPPROTO_IP, c.IP_TOS, 0xFF)
    sent = listen_in(lan, "a")
    client.send(b"x")
    lan.run()
    assert ipv4.parse(sent[0]).tos == 0xFE, "ECT(0), whatever the application says"


def test_a_smaller_mss_is_announced_and_kept() -> None:
    lan = Lan()
    sent = listen_in(lan, "a")
    lan.listener()
    client = Sock(lan.a, c.AF_INET)
    client.setsockopt(c.IPPROTO_TCP, c.TCP_MAXSEG, 500)
    client.connect(B4, 80, lan.now)
    lan.run()
    client.send(bytes(2000))
    lan.run()
    segments = [tcp.parse(ipv4.parse(p).payload, None) for p in sent]
    assert segments[0].options.mss == 500
    assert max(seg.size for seg in segments) == 500 - 12


def test_deferred_accept_waits_for_text() -> None:
    lan = Lan()
    listener = lan.listener()
    listener.setsockopt(c.IPPROTO_TCP, c.TCP_DEFER_ACCEPT, 10)
    client = Sock(lan.a, c.AF_INET)
    client.connect(B4, 80, lan.now)
    lan.run()
    assert client.connect_result() is None
    assert listener.accept() is WouldBlock.READ
    assert lan.b.metrics["TcpExtTCPDeferAcceptDrop"] == 1
    client.send(b"hello")
    lan.run()
    server = listener.accept()
    assert isinstance(server, Sock)
    assert server.recv(100) == b"hello"


def test_deferred_accept_gives_in_after_a_while() -> None:
    lan = Lan()
    listener = lan.listener()
    listener.setsockopt(c.IPPROTO_TCP, c.TCP_DEFER_ACCEPT, 5)
    Sock(lan.a, c.AF_INET).connect(B4, 80, lan.now)
    lan.run()
    lan.advance(4 * SECOND)
    assert listener.accept() is WouldBlock.READ
    lan.advance(5 * SECOND)
    assert isinstance(listener.accept(), Sock)


def test_deferred_accept_keeps_the_client_however_long_it_is() -> None:
    """The client has acknowledged: nothing is sent again, and nobody is dropped, before the time is over."""
    lan = Lan()
    listener = lan.listener()
    listener.setsockopt(c.IPPROTO_TCP, c.TCP_DEFER_ACCEPT, 100)
    client = Sock(lan.a, c.AF_INET)
    client.connect(B4, 80, lan.now)
    lan.run()
    sent = listen_in(lan, "b")
    lan.advance(95 * SECOND)
    assert sent == []
    client.send(b"at last")
    lan.run()
    server = listener.accept()
    assert isinstance(server, Sock)
    assert server.recv(100) == b"at last"


def test_df_is_on_unless_the_socket_says_otherwise() -> None:
    lan = Lan()
    client, server = lan.pair()
    sent = listen_in(lan, "a")
    client.send(b"x")
    lan.run()
    client.setsockopt(c.IPPROTO_IP, c.IP_MTU_DISCOVER, 0)
    client.send(b"y")
    lan.run()
    client.send(b"z")
    lan.run()
    headers = [ipv4.parse(p) for p in sent]
    assert [h.dont_fragment for h in headers] == [True, False, False]
    assert headers[1].identification != headers[2].identification, "RFC 6864: unique where it may become fragments"
    assert server.recv(10) == b"xyz"


def test_a_path_below_the_floor_is_allowed_to_cut() -> None:
    """A router asks for 296 bytes: we send 552, as Linux, but without DF."""
    lan = Lan()
    client, server = lan.pair()
    sent = listen_in(lan, "a")
    lan.cut = True
    client.send(bytes(1448))
    lan.run()
    quote = sent[-1][:28]
    body = icmpv4.build(icmpv4.unreachable(icmpv4.FRAGMENTATION_NEEDED, quote, 296))
    router = bytes((10, 0, 0, 254))
    lan.a.receive(ipv4.build_header(router, bytes((10, 0, 0, 1)), 1, len(body)) + body, lan.now)
    lan.cut = False
    sent.clear()
    lan.run()
    headers = [ipv4.parse(p) for p in sent]
    assert headers
    assert max(h.total_length for h in headers) == 552
    assert not any(h.dont_fragment for h in headers)
    assert server.recv(2000) == bytes(1448)
    lan.listener(81)
    sent.clear()
    Sock(lan.a, c.AF_INET).connect(B4, 81, lan.now)
    lan.run()
    assert not ipv4.parse(sent[0]).dont_fragment, "a new connection on that path knows too"
    lan.advance(601 * SECOND)
    sent.clear()
    client.send(b"x")
    lan.run()
    assert ipv4.parse(sent[0]).dont_fragment, "forgotten with the path MTU"


def test_retransmissions_are_counted_and_are_no_new_segments() -> None:
    lan = Lan()
    client, _server = lan.pair()
    before = lan.a.metrics["TcpOutSegs"]
    lan.cut = True
    client.send(b"x")
    lan.run()
    lan.advance(SECOND)
    assert lan.a.metrics["TcpOutSegs"] - before == 1
    assert lan.a.metrics["TcpRetransSegs"] == 2, "after 201 and 603 ms"
