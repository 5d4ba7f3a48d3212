"""What a host believes of "packet too big" about its datagrams, as all of its traffic to there follows it."""

from typing import Any

import pytest
from scapy.layers.inet import ICMP, IP
from scapy.layers.inet6 import ICMPv6PacketTooBig, IPv6
from stack_lab import PACKED, PACKED_THEIRS, SECOND, accepted, gives, host, ip

from pystack.stack.host import Host
from pystack.udp.endpoint import UdpEndpoint
from pystack.udp.sent import Sent

FAMILIES = pytest.mark.parametrize("family", [4, 6])
PORT = 5353
SMALL = {4: 1000, 6: 1300}
UNBELIEVED = "PystackIcmpInUnbelieved"


def bound(stack: Host, family: int) -> UdpEndpoint:
    one = stack.datagrams.open(bytes(len(PACKED[family])))
    stack.datagrams.bind(one, one.local, PORT)
    return one


def sends(stack: Host, one: UdpEndpoint, size: int, now: int = 0, port: int = 53) -> list[bytes]:
    """The packets that a datagram of so many bytes leaves as."""
    stack.datagrams.send(one, bytes(size), PACKED_THEIRS[4 if len(one.local) == 4 else 6], port, now)
    found = []
    while (packet := stack.poll_transmit(now)) is not None:
        found.append(bytes(packet))
    return found


def too_big(family: int, about: bytes, mtu: int) -> Any:
    if family == 4:
        return ip(4, src="10.0.0.254") / ICMP(type=3, code=4, nexthopmtu=mtu) / about[:28]
    return ip(6, src="fd00::fe") / ICMPv6PacketTooBig(mtu=mtu) / about[:1200]


def changed(family: int, packet: bytes, **fields: Any) -> bytes:
    """The packet with another destination port or size."""
    read = (IP if family == 4 else IPv6)(packet)
    if "dport" in fields:
        read["UDP"].dport = fields["dport"]
    if "size" in fields:
        setattr(read, "len" if family == 4 else "plen", fields["size"] - (0 if family == 4 else 40))
    return bytes(read)


@FAMILIES
def test_it_lowers_the_path_mtu_for_a_while(family: int) -> None:
    stack = host()
    one = bound(stack, family)
    (packet,) = sends(stack, one, 1400)
    gives(stack, too_big(family, packet, SMALL[family]))
    sizes = [len(piece) for piece in sends(stack, one, 1400)]
    assert len(sizes) == 2
    assert max(sizes) <= SMALL[family]
    assert stack.metrics[UNBELIEVED] == 0
    deadline = stack.next_deadline()
    assert deadline == 600 * SECOND
    stack.on_deadline(deadline)
    assert len(sends(stack, one, 1400, deadline)) == 1
    assert one.error is None


@FAMILIES
def test_a_forged_one_cuts_nobody(family: int) -> None:
    """Nothing was sent from the port that it quotes, or nothing as large, or not to there, or long ago."""
    stack = host()
    listener = stack.listen(PACKED[family], 80, 5)
    connection = accepted(stack, family, listener).connection
    other = host()
    (never_sent,) = sends(other, bound(other, family), 1400)
    mss = connection.path_mss
    one = bound(stack, family)
    gives(stack, too_big(family, never_sent, SMALL[family]))
    assert stack.metrics[UNBELIEVED] == 1
    (packet,) = sends(stack, one, 1390)
    forged = [
        (never_sent, SMALL[family]),
        (changed(family, packet, dport=54), SMALL[family]),
        (changed(family, packet, size=len(packet) + 1), SMALL[family]),
        (packet, len(packet)),
        (packet, 1499),
    ]
    for count, (about, mtu) in enumerate(forged, 2):
        gives(stack, too_big(family, about, mtu))
        assert stack.metrics[UNBELIEVED] == count
    gives(stack, too_big(family, packet, SMALL[family]), 61 * SECOND)
    assert stack.metrics[UNBELIEVED] == 7
    assert connection.path_mss == mss
    assert stack.ip.pmtu.get(PACKED_THEIRS[family], 0) == 1500
    gives(stack, too_big(family, packet, SMALL[family]), 60 * SECOND)
    assert connection.path_mss == SMALL[family] - (40 if family == 4 else 60), "a true one is for all"


@FAMILIES
def test_a_connected_socket_is_not_told_of_a_forged_one_either(family: int) -> None:
    stack = host()
    one = bound(stack, family)
    stack.datagrams.connect(one, PACKED_THEIRS[family], 53)
    (small,) = sends(stack, one, 10)
    gives(stack, too_big(family, changed(family, small, size=1400), SMALL[family]))
    assert one.error is None
    (large,) = sends(stack, one, 1400)
    gives(stack, too_big(family, large, SMALL[family]))
    assert one.error is not None


def test_a_fragment_can_be_too_big() -> None:
    stack = host()
    first, *_ = sends(stack, bound(stack, 6), 4000)
    gives(stack, too_big(6, first, 1300))
    assert stack.ip.pmtu.get(PACKED_THEIRS[6], 0) == 1300


def test_the_largest_of_lately_counts() -> None:
    sent = Sent()
    flow = (53, b"them", 7)
    sent.note(flow, 1000, 0)
    sent.note(flow, 1400, 10)
    sent.note(flow, 600, 20)
    assert sent.has(flow, 1400, 10 + 60 * SECOND)
    assert not sent.has(flow, 1401, 30)
    assert not sent.has(flow, 600, 11 + 60 * SECOND)
    sent.note(flow, 600, 11 + 60 * SECOND)
    assert sent.has(flow, 600, 12 + 60 * SECOND)
    assert not sent.has(flow, 601, 12 + 60 * SECOND)
    assert not sent.has((53, b"them", 8), 600, 12 + 60 * SECOND)


def test_so_many_destinations_are_known() -> None:
    sent = Sent()
    for n in range(1024):
        sent.note((53, b"them", n), 1400, n)
    sent.note((53, b"them", 0), 1300, 1024)
    sent.note((53, b"them", 1024), 1400, 1025)
    assert [n for n in range(1025) if not sent.has((53, b"them", n), 1400, 1025)] == [1]
