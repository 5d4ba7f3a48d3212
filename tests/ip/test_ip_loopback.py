"""A host that talks to itself: nothing of it leaves by the device, and nothing that claims to be of it gets in."""

import errno

import pytest
from ip_lab import OURS, PACKED, PACKED_THEIRS, SECOND, drain, gives, host, ip, read
from scapy.layers.inet import ICMP, TCP, UDP
from scapy.layers.inet6 import ICMPv6DestUnreach, ICMPv6EchoRequest

from pystack.ip.address import LOOPBACK4, LOOPBACK6
from pystack.ip.loopback import Loopback
from pystack.sim.solo import Solo
from pystack.sock.calls import Sock
from pystack.sock.constants import AF_INET, AF_INET6, WouldBlock
from pystack.sock.datagram import UdpSock
from pystack.stack.errors import AddressNotAvailable, InvalidSource
from pystack.wire import icmpv4, icmpv6
from pystack.wire.icmp import Message

SELF = pytest.mark.parametrize(
    "address",
    [PACKED[4], PACKED[6], LOOPBACK4, bytes([127, 9, 8, 7]), LOOPBACK6],
    ids=["v4", "v6", "lo4", "lo4b", "lo6"],
)
FAMILIES = pytest.mark.parametrize("family", [4, 6])


class Alone(Solo):
    """A host without anybody else: what it sends to the device, nobody takes."""

    def __init__(self) -> None:
        super().__init__(host(), SECOND)

    def run(self) -> None:
        """Until nothing is due at this time."""
        self.advance(self.now)

    def pair(self, address: bytes, port: int = 80) -> tuple[Sock, Sock]:
        """Both ends of one connection."""
        family = AF_INET if len(address) == 4 else AF_INET6
        listener = Sock(self.host, family)
        listener.bind(bytes(len(address)), port)
        listener.listen(5)
        client = Sock(self.host, family)
        assert client.connect(address, port, self.now) is WouldBlock.WRITE
        self.run()
        assert client.connect_result() is None
        server = listener.accept()
        assert isinstance(server, Sock)
        listener.close(self.now)
        return client, server


def carry(alone: Alone, source: Sock, target: Sock, data: bytes) -> bytes:
    """Everything that `target` reads while `source` sends `data`."""
    got, rest = bytearray(), memoryview(data)
    while len(got) < len(data):
        sent = source.send(rest) if rest else 0
        rest = rest[sent:] if isinstance(sent, int) else rest
        alone.run()
        part = target.recv(1 << 20)
        assert isinstance(part, bytes), "it goes on"
        got += part
    return bytes(got)


@SELF
def test_a_connection_within_the_host(address: bytes) -> None:
    alone = Alone()
    client, server = alone.pair(address)
    assert (client.getpeername(), server.getsockname()) == ((address, 80), (address, 80))
    assert client.getsockname() == server.getpeername()
    assert client.getsockname()[0] == {127: LOOPBACK4}.get(address[0], address)
    data = bytes(n * 7 % 251 for n in range(3_000_000))
    assert carry(alone, client, server, data) == data
    assert carry(alone, server, client, data[:1000]) == data[:1000]
    client.close(alone.now)
    alone.run()
    assert server.recv(1) == b""
    server.close(alone.now)
    alone.run()
    assert alone.collect() == []
    counts = alone.host.metrics
    assert counts["PystackLoopbackOverflows"] == counts["TcpRetransSegs"] == 0, "TCP waits instead"
    family = "" if len(address) == 4 else "6"
    assert counts[f"Ip{family}InReceives"] == counts[f"Ip{family}InDelivers"] == counts[f"Ip{family}OutRequests"]


@SELF
def test_a_closed_port_refuses(address: bytes) -> None:
    alone = Alone()
    client = Sock(alone.host, AF_INET if len(address) == 4 else AF_INET6)
    client.connect(address, 81, alone.now)
    alone.run()
    with pytest.raises(ConnectionRefusedError):
        client.connect_result()
    assert alone.collect() == []


@FAMILIES
def test_a_socket_that_is_connected_to_itself(family: int) -> None:
    """Simultaneous open (RFC 9293 section 3.5, figure 8) of one with itself: works, as on Linux."""
    alone = Alone()
    sock = Sock(alone.host, AF_INET if family == 4 else AF_INET6)
    sock.bind(PACKED[family], 4000)
    sock.connect(PACKED[family], 4000, alone.now)
    alone.run()
    assert sock.connect_result() is None
    assert carry(alone, sock, sock, b"self" * 1000) == b"self" * 1000
    sock.close(alone.now)
    alone.run()
    assert alone.collect() == []


@SELF
def test_datagrams_within_the_host(address: bytes) -> None:
    alone = Alone()
    family = AF_INET if len(address) == 4 else AF_INET6
    server, client = UdpSock(alone.host, family), UdpSock(alone.host, family)
    server.bind(bytes(len(address)), 53)
    client.connect(address, 53, alone.now)
    for size in (0, 1, 1473, 60_000):
        client.send(bytes(size), alone.now)
        alone.run()
        assert server.recvfrom(65_535) == (bytes(size), client.getsockname())
    server.close(alone.now)
    client.send(b"anybody?", alone.now)
    alone.run()
    with pytest.raises(ConnectionRefusedError):
        client.send(b"?", alone.now)
    assert alone.collect() == []


def test_errors_within_the_host_are_not_limited() -> None:
    """Each closed port is told of: there is no network that has to be spared."""
    alone = Alone()
    for port in range(5000, 5100):
        client = UdpSock(alone.host, AF_INET)
        client.connect(LOOPBACK4, port, alone.now)
        client.send(b"?", alone.now)
        alone.run()
        with pytest.raises(ConnectionRefusedError):
            client.send(b"?", alone.now)
    assert alone.host.metrics["IcmpOutRateLimitHost"] == alone.host.metrics["IcmpOutRateLimitGlobal"] == 0


@FAMILIES
def test_a_ping_to_itself(family: int) -> None:
    alone = Alone()
    if family == 4:
        body = icmpv4.build(Message(icmpv4.ECHO_REQUEST, 0, 7, b"hello"))
        alone.host.ip.send(PACKED[4], PACKED[4], icmpv4.PROTOCOL, (body,), alone.now)
    else:
        body = icmpv6.build(Message(icmpv6.ECHO_REQUEST, 0, 7, b"hello"), PACKED[6], LOOPBACK6)
        alone.host.ip.send(PACKED[6], LOOPBACK6, icmpv6.PROTOCOL, (body,), alone.now)
    alone.run()
    counts = alone.host.metrics
    assert counts["IcmpInEchos" if family == 4 else "Icmp6InEchos"] == 1
    assert counts["IcmpInEchoReps" if family == 4 else "Icmp6InEchoReplies"] == 1
    assert alone.collect() == []


def test_the_device_gets_its_turn() -> None:
    """However much a host says to itself, packets for others go in between."""
    alone = Alone()
    sock = UdpSock(alone.host, AF_INET)
    sock.bind(bytes(4), 53)
    for _ in range(200):
        sock.sendto(b"self", PACKED[4], 53, alone.now)
    taken = []
    while alone.host.next_deadline() is not None or not taken:
        (refusal,) = gives(alone.host, ip(4) / UDP(sport=1 + len(taken), dport=9), alone.now + SECOND * len(taken))
        assert refusal[ICMP].type == 3
        alone.host.on_deadline(alone.now)
        taken.append(alone.host.metrics["UdpInDatagrams"])
    assert taken == [64, 128, 192, 200]


def test_there_is_room_for_so_much() -> None:
    alone = Alone()
    sock = UdpSock(alone.host, AF_INET)
    sock.bind(bytes(4), 53)
    for _ in range(40):
        sock.sendto(bytes(60_000), PACKED[4], 53, alone.now)
    assert alone.host.poll_transmit(alone.now) is None
    assert alone.host.metrics["PystackLoopbackOverflows"] > 0
    alone.run()
    assert sock.recvfrom(65_535) == (bytes(60_000), (PACKED[4], 53))
    assert alone.collect() == []
    assert alone.host.ip.loopback.take() is None


def test_the_queue() -> None:
    queue = Loopback()
    assert queue.since is queue.take() is None
    taken = 0
    while queue.put(bytes(1000), 5 + taken):
        taken += 1
        assert queue.is_busy == (taken * 1000 >= 1 << 19)
    assert taken == (1 << 20) // 1000
    assert queue.since == 5
    assert [queue.take() for _ in range(taken)] == [bytes(1000)] * taken
    assert queue.since is queue.take() is None
    assert queue.put(b"again", 9)
    assert queue.since == 9


@pytest.mark.parametrize(
    "packet",
    [
        ip(4, dst="127.0.0.1") / TCP(dport=80),
        ip(4, src=OURS[4]) / TCP(dport=80),
        ip(4, src="127.0.0.1", dst="127.0.0.1") / UDP(dport=53),
        ip(6, dst="::1") / TCP(dport=80),
        ip(6, src="::1", dst="::1") / ICMPv6EchoRequest(),
        ip(6, src=OURS[6]) / ICMPv6EchoRequest(),
    ],
)
def test_nobody_outside_is_inside(packet) -> None:
    """RFC 1122 section 3.2.1.3 (g); RFC 4291 section 2.5.3."""
    stack = host()
    assert gives(stack, packet) == []
    assert stack.metrics["IpInAddrErrors" if packet.version == 4 else "Ip6InAddrErrors"] == 1
    assert stack.next_deadline() is None


@FAMILIES
def test_loopback_addresses_speak_within_the_host_only(family: int) -> None:
    stack = host()
    inside = LOOPBACK4 if family == 4 else LOOPBACK6
    with pytest.raises(InvalidSource):
        stack.connect(PACKED_THEIRS[family], 80, SECOND, local=inside)
    stream, datagram = (kind(stack, AF_INET if family == 4 else AF_INET6) for kind in (Sock, UdpSock))
    for sock, call in (
        (stream, lambda: stream.connect(PACKED_THEIRS[family], 80, SECOND)),
        (datagram, lambda: datagram.sendto(b"", PACKED_THEIRS[family], 80, SECOND)),
    ):
        sock.bind(inside, 0)
        with pytest.raises(OSError, match="loopback") as caught:
            call()
        assert caught.value.errno == errno.EINVAL
    assert drain(stack) == []
    assert stack.routes.source_for(inside) == inside
    assert stack.connect(inside, 80, SECOND, local=PACKED[family]).local == PACKED[family], "the reverse may be"


def test_no_router_knows_what_never_left() -> None:
    """An error from outside about a connection within the host is a forgery."""
    alone = Alone()
    client, _ = alone.pair(PACKED[6])
    assert client.endpoint is not None
    quoted = ip(6, src=OURS[6], dst=OURS[6]) / TCP(
        sport=client.endpoint.local_port, dport=80, seq=client.endpoint.connection.tcb.snd.una & 0xFFFFFFFF
    )
    gives(alone.host, ip(6) / ICMPv6DestUnreach(code=4) / bytes(quoted), alone.now)
    assert alone.host.metrics["Icmp6InErrors"] == 1
    assert alone.host.metrics["PystackIcmpInUnbelieved"] == 0


def test_an_ephemeral_port_is_not_the_one_that_is_called() -> None:
    """Or a client would be connected to itself where nobody listens."""
    stack = host(ephemeral_ports=(40_000, 40_001))
    assert stack.connect(PACKED[4], 40_000, SECOND).local_port == 40_001
    with pytest.raises(AddressNotAvailable):
        stack.connect(PACKED[4], 40_000, SECOND)
    others = {stack.connect(PACKED_THEIRS[4], 40_000, SECOND).local_port for _ in range(2)}
    assert others == {40_000, 40_001}


def test_what_is_looped_are_finished_bytes() -> None:
    """As a device would have got them: scapy finds the same checksums."""
    stack = host()
    stack.connect(PACKED[4], 80, SECOND)
    stack.connect(LOOPBACK6, 80, SECOND)
    assert stack.poll_transmit(SECOND) is None
    first, second = stack.ip.loopback.take(), stack.ip.loopback.take()
    assert first is not None
    assert second is not None
    assert read(first)[TCP].flags == read(second)[TCP].flags == "S"
