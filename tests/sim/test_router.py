"""Routers between simulated hosts, seen from the packets that come through."""

from collections.abc import Callable
from ipaddress import ip_address

import pytest
from scapy.layers.inet import ICMP, IP, TCP, UDP, IPerror
from scapy.layers.inet6 import ICMPv6DestUnreach, ICMPv6PacketTooBig, ICMPv6TimeExceeded, IPv6
from scapy.packet import Packet as Scapy

from pystack.sim.node import Application, Node
from pystack.sim.simulation import Simulation

MS = 1_000_000
SECOND = 1_000_000_000


class Chain:
    """a - r1 - r2 - b, each in a network of its own; `heard` is what reaches `a`, as scapy reads it."""

    def __init__(self, mtu: int | None = None) -> None:
        self.lab = Simulation(seed=3)
        self.a = self.lab.host("a", "10.0.1.1", "fd00:1::1")
        self.b = self.lab.host("b", "10.0.2.1", "fd00:2::1")
        self.r1 = self.lab.router("r1", "10.0.1.254", "fd00:1::fe")
        self.r2 = self.lab.router("r2", "10.0.2.254", "fd00:2::fe")
        self.lab.link(self.a, self.r1, delay="1 ms")
        self.lab.link(self.r1, self.r2, delay="5 ms", **({} if mtu is None else {"mtu": mtu}))
        self.lab.link(self.r2, self.b, delay="1 ms")
        self.heard: list[tuple[int, Scapy]] = []
        take = self.a.take
        self.a.take = lambda packet: (self.heard.append((self.a.now, read(packet))), take(packet))[1]  # type: ignore[method-assign]

    def sends(self, packet: Scapy) -> Scapy:
        """`a` sends a packet; the only one that comes back within a second."""
        self.heard.clear()
        self.lab.taps.clear()
        data = bytes(packet)
        self.lab._topology.next_link(self.a, ip_address(packet.dst).packed).send(self.a, data)  # type: ignore[union-attr]
        self.lab.run_until(time=self.lab.clock.now + SECOND)
        assert len(self.heard) == 1, self.heard
        return self.heard[0][1]


def read(packet: bytes) -> Scapy:
    return (IP if packet[0] >> 4 == 4 else IPv6)(packet)


def test_a_ping_over_two_routers_and_back() -> None:
    chain = Chain()
    reply = chain.sends(IP(src="10.0.1.1", dst="10.0.2.1", ttl=64) / ICMP(id=7) / b"hello")
    assert (reply.src, reply[ICMP].type, reply.ttl) == ("10.0.2.1", 0, 62)
    assert chain.heard[0][0] == 14 * MS
    assert chain.r1.stack.metrics["IpForwDatagrams"] == 2


def test_a_router_is_a_host_too() -> None:
    reply = Chain().sends(IP(src="10.0.1.1", dst="10.0.2.254") / ICMP(id=7))
    assert (reply.src, reply[ICMP].type) == ("10.0.2.254", 0)


@pytest.mark.parametrize(("ttl", "who"), [(1, "10.0.1.254"), (2, "10.0.2.254")])
def test_traceroute(ttl: int, who: str) -> None:
    said = Chain().sends(IP(src="10.0.1.1", dst="10.0.2.1", ttl=ttl) / UDP(sport=5, dport=6) / b"probe")
    assert (said.src, said[ICMP].type, said[ICMP].code) == (who, 11, 0)
    assert said[IPerror].dst == "10.0.2.1"


def test_traceroute_of_ipv6() -> None:
    said = Chain().sends(IPv6(src="fd00:1::1", dst="fd00:2::1", hlim=2) / UDP(sport=5, dport=6))
    assert said.src == "fd00:2::fe"
    assert ICMPv6TimeExceeded in said


def test_nobody_has_the_address() -> None:
    chain = Chain()
    chain.lab.host("gone", "10.0.9.9", "fd00:9::9")  # without a link
    chain.lab._topology.next_link = lambda node, destination, known=chain.lab._topology.next_link: known(  # type: ignore[method-assign]
        node, destination if node is not chain.a else ip_address("10.0.2.1").packed
    )
    said = chain.sends(IP(src="10.0.1.1", dst="10.0.9.9") / UDP(sport=5, dport=6))
    assert (said.src, said[ICMP].type, said[ICMP].code) == ("10.0.1.254", 3, 1)
    assert chain.r1.stack.metrics["IpOutNoRoutes"] == 1
    said = chain.sends(IPv6(src="fd00:1::1", dst="fd00:9::9") / UDP(sport=5, dport=6))
    assert ICMPv6DestUnreach in said


def test_too_big_for_the_next_link() -> None:
    chain = Chain(mtu=1300)
    said = chain.sends(IP(src="10.0.1.1", dst="10.0.2.1", flags="DF") / UDP(sport=5, dport=6) / bytes(1400))
    assert (said.src, said[ICMP].type, said[ICMP].code, said[ICMP].nexthopmtu) == ("10.0.1.254", 3, 4, 1300)
    said = chain.sends(IPv6(src="fd00:1::1", dst="fd00:2::1") / UDP(sport=5, dport=6) / bytes(1400))
    assert (said.src, said[ICMPv6PacketTooBig].mtu) == ("fd00:1::fe", 1300)


def test_what_may_be_cut_is_cut_and_arrives_whole() -> None:
    reply = Chain(mtu=600).sends(IP(src="10.0.1.1", dst="10.0.2.1", flags="DF", id=9) / ICMP(id=7) / bytes(500))
    assert len(reply[ICMP].payload) == 500
    chain = Chain(mtu=600)
    link = chain.lab._topology.next_link(chain.a, ip_address("10.0.2.1").packed)
    assert link is not None
    link.send(chain.a, bytes(IP(src="10.0.1.1", dst="10.0.2.1", id=9) / ICMP(id=7) / bytes(1400)))
    chain.lab.run_until(time=SECOND)
    assert chain.b.stack.metrics["IpReasmOKs"] == 1
    assert chain.b.stack.metrics["IcmpInEchos"] == 1


def transfer(chain: Chain, size: int, finished: Callable[[], None]) -> None:
    """A server on `b`, and a client on `a` that sends it `size` bytes."""

    def server(node: Node) -> Application:
        listener = node.stack.listen(bytes(4), 80, 5)
        while (endpoint := listener.accept()) is None:
            yield None
        got = 0
        while True:
            got += len(endpoint.connection.recv(1 << 20))
            node.stack.touch(endpoint)
            if endpoint.connection.eof and not endpoint.connection.recvbuf.size:
                break
            yield None
        assert got == size
        finished()

    def client(node: Node) -> Application:
        endpoint = node.stack.connect(ip_address("10.0.2.1").packed, 80, node.now)
        left = size
        while left:
            left -= endpoint.connection.send(bytes(left))
            node.stack.touch(endpoint)
            yield None
        endpoint.connection.shutdown_write()

    chain.b.run(server(chain.b))
    chain.a.run(client(chain.a))


def test_tcp_finds_the_path_mtu_behind_routers() -> None:
    chain = Chain(mtu=1000)
    done: list[int] = []
    sizes: list[int] = []
    take = chain.b.take
    chain.b.take = lambda packet: (sizes.append(len(packet)), take(packet))[1]  # type: ignore[method-assign]
    transfer(chain, 100_000, lambda: done.append(chain.lab.clock.now))
    assert chain.lab.run_until(lambda: bool(done), time=60 * SECOND)
    assert max(sizes) == 1000
    assert chain.r1.stack.metrics["IcmpOutDestUnreachs"] >= 1
    assert any(ICMP in packet and packet[ICMP].nexthopmtu == 1000 for _, packet in chain.heard)
    assert done[0] < 2 * SECOND, "the first timeout is not waited for"


def test_two_ways_and_the_shorter_is_taken() -> None:
    lab = Simulation()
    a, b = lab.host("a", "10.0.0.1"), lab.host("b", "10.0.0.2")
    near, far1, far2 = (lab.router(name, f"10.9.0.{n}") for n, name in enumerate(("near", "far1", "far2"), 1))
    links = [lab.link(*ends) for ends in ((a, far1), (far1, far2), (far2, b), (a, near), (near, b))]
    assert lab._topology.next_link(a, ip_address("10.0.0.2").packed) is links[3]
    assert lab._topology.next_link(far1, ip_address("10.0.0.2").packed) is links[1]
    shortcut = lab.link(a, b)
    assert lab._topology.next_link(a, ip_address("10.0.0.2").packed) is shortcut


def test_hosts_do_not_forward() -> None:
    lab = Simulation()
    a, middle, b = lab.host("a", "10.0.0.1"), lab.host("middle", "10.0.0.3"), lab.host("b", "10.0.0.2")
    lab.link(a, middle)
    lab.link(middle, b)
    a.stack.connect(ip_address("10.0.0.2").packed, 80, 0)
    a.settle()
    lab.run_until(time=10 * SECOND)
    assert lab.unroutable > 2
    assert middle.stack.metrics["IpInReceives"] == 0


def test_damaged_headers_are_counted_by_the_router() -> None:
    chain = Chain()
    packet = bytearray(bytes(IP(src="10.0.1.1", dst="10.0.2.1") / TCP()))
    packet[10] ^= 1
    chain.r1.receive(bytes(packet))
    chain.r1.receive(b"")
    assert chain.r1.stack.metrics["IpInHdrErrors"] == 2
