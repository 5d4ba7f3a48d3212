"""ICMP echo sockets between two hosts, in what the comparison with Linux does not reach: IPv6, errors, `receive`."""

import errno

import pytest
from two_hosts import A4, A6, B4, B6, Lan

from pystack.sock import constants as c
from pystack.sock.constants import WouldBlock
from pystack.sock.echo import EchoSock
from pystack.sock.factory import new_sock
from pystack.tcp.icmp import IcmpKind
from pystack.udp.echo import Report
from pystack.udp.endpoint import Received
from pystack.wire import icmpv4, icmpv6, ipv4, ipv6
from pystack.wire.icmp import Message

FAMILIES = pytest.mark.parametrize("family", [c.AF_INET, c.AF_INET6])
OURS, THEIRS = {c.AF_INET: A4, c.AF_INET6: A6}, {c.AF_INET: B4, c.AF_INET6: B6}
ROUTER = {c.AF_INET: bytes((10, 0, 0, 9)), c.AF_INET6: A6[:-1] + b"\x09"}


def opened(lan: Lan, family: int) -> EchoSock:
    sock = new_sock(lan.a, family, c.SOCK_DGRAM, c.IPPROTO_ICMP if family == c.AF_INET else c.IPPROTO_ICMPV6)
    assert isinstance(sock, EchoSock)
    return sock


def request(family: int, sequence: int = 1, data: bytes = b"hello") -> bytes:
    return bytes((8 if family == c.AF_INET else 128, 0, 0, 0, 0, 0)) + sequence.to_bytes(2, "big") + data


def lost(lan: Lan) -> bytes:
    """The packet that A sends, which goes no further."""
    packet = lan.a.poll_transmit(lan.now)
    assert packet is not None
    return bytes(packet)


def says(lan: Lan, family: int, kind: int, code: int, quote: bytes, mtu: int = 0) -> None:
    """A router sends A an error."""
    message = Message(kind, code, mtu, quote)
    src, dst = ROUTER[family], OURS[family]
    if family == c.AF_INET:
        body = icmpv4.build(message)
        packet = ipv4.build_header(src, dst, icmpv4.PROTOCOL, len(body)) + body
    else:
        body = icmpv6.build(message, src, dst)
        packet = ipv6.build_header(src, dst, icmpv6.PROTOCOL, len(body)) + body
    lan.a.receive(packet, lan.now)
    lan.run()


@FAMILIES
def test_a_round_trip(family: int) -> None:
    lan = Lan()
    sock = opened(lan, family)
    woken: list[int] = []
    sock.on_ready = lambda: woken.append(1)
    assert sock.receive() is WouldBlock.READ
    assert not sock.has_news
    assert sock.sendto(request(family, 3), THEIRS[family], 0, lan.now) == 13
    lan.run()
    assert woken == [1]
    assert sock.has_news
    assert sock.readable
    reply = sock.receive()
    assert isinstance(reply, Received)
    assert (reply.src, reply.ttl) == (THEIRS[family], 64)
    assert reply.data[0] == (0 if family == c.AF_INET else 129)
    assert reply.data[4:] == sock.getsockname()[1].to_bytes(2, "big") + b"\0\3hello"
    assert sock.receive() is WouldBlock.READ


@FAMILIES
def test_what_is_refused(family: int) -> None:
    lan = Lan()
    sock = opened(lan, family)
    other_request = request(c.AF_INET + c.AF_INET6 - family)
    for code, data, to in (
        (errno.EINVAL, b"", THEIRS[family]),
        (errno.EINVAL, other_request, THEIRS[family]),
        (errno.EMSGSIZE, request(family, data=bytes(65_528)), THEIRS[family]),
        (errno.EAFNOSUPPORT, request(family), THEIRS[c.AF_INET + c.AF_INET6 - family]),
    ):
        with pytest.raises(OSError) as caught:
            sock.sendto(data, to, 0, lan.now)
        assert caught.value.errno == code
    assert lan.a.poll_transmit(lan.now) is None


@FAMILIES
def test_soft_errors_are_received_and_raise_nothing(family: int) -> None:
    lan = Lan()
    sock = opened(lan, family)
    sock.connect(THEIRS[family], 0, lan.now)
    sock.send(request(family, 7), lan.now)
    quote = lost(lan)
    woken: list[int] = []
    sock.on_ready = lambda: woken.append(1)
    says(lan, family, 11 if family == c.AF_INET else 3, 0, quote)
    assert woken == [1]
    assert sock.has_news
    assert not sock.readable
    assert sock.recv(100) is WouldBlock.READ
    assert sock.receive() == Report(ROUTER[family], THEIRS[family], 7, IcmpKind.TIME_EXCEEDED, 0, 0)
    assert sock.receive() is WouldBlock.READ


@FAMILIES
@pytest.mark.parametrize("connected", [True, False])
def test_hard_errors_raise_once_where_connected(family: int, connected: bool) -> None:
    lan = Lan()
    sock = opened(lan, family)
    if connected:
        sock.connect(THEIRS[family], 0, lan.now)
    for told in ("raised", "received"):
        sock.sendto(request(family, 8), THEIRS[family], 0, lan.now)
        says(lan, family, 3 if family == c.AF_INET else 1, 13 if family == c.AF_INET else 1, lost(lan))
        assert sock.has_error is connected
        if connected and told == "raised":
            with pytest.raises(OSError) as caught:
                sock.recv(100)
            assert caught.value.errno == (errno.EHOSTUNREACH if family == c.AF_INET else errno.EACCES)
        report = sock.receive()
        assert isinstance(report, Report)
        assert report.kind is IcmpKind.ADMIN_PROHIBITED
        assert not sock.has_error, "it is told once"
        assert sock.recv(100) is WouldBlock.READ


@FAMILIES
def test_too_big(family: int) -> None:
    """The first is lost, the next go in fragments, or are refused where they must not."""
    lan = Lan()
    sock = opened(lan, family)
    sock.sendto(request(family, data=bytes(1400)), THEIRS[family], 0, lan.now)
    if family == c.AF_INET:
        says(lan, family, 3, 4, lost(lan)[:600], 1300)
    else:
        says(lan, family, 2, 0, lost(lan)[:600], 1300)
    report = sock.receive()
    assert isinstance(report, Report)
    assert (report.kind, report.mtu) == (IcmpKind.FRAGMENTATION_NEEDED, 1300)
    sock.sendto(request(family, data=bytes(1400)), THEIRS[family], 0, lan.now)
    lan.run()
    assert len(sock.recv(5000)) == 1408  # type: ignore[arg-type]
    level, name = (c.IPPROTO_IP, c.IP_MTU_DISCOVER) if family == c.AF_INET else (c.IPPROTO_IPV6, c.IPV6_MTU_DISCOVER)
    sock.setsockopt(level, name, 2)
    with pytest.raises(OSError) as caught:
        sock.sendto(request(family, data=bytes(1400)), THEIRS[family], 0, lan.now)
    assert caught.value.errno == errno.EMSGSIZE


@FAMILIES
def test_the_end(family: int) -> None:
    lan = Lan()
    sock = opened(lan, family)
    sock.connect(THEIRS[family], 0, lan.now)
    sock.shutdown(c.SHUT_RD)
    assert sock.has_news
    with pytest.raises(BrokenPipeError):
        sock.receive()
    sock.close(lan.now)
    with pytest.raises(OSError) as caught:
        sock.receive()
    assert caught.value.errno == errno.EBADF
    assert lan.a.echoes.endpoints() == []
    other = opened(lan, family)
    other.fail(errno.ENETDOWN)
    with pytest.raises(OSError) as caught:
        other.receive()
    assert caught.value.errno == errno.ENETDOWN
