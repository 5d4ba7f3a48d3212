"""Short of memory: text out of order goes wherever it is, the most first, and only what is left has work refused."""

from typing import Any

import pytest
from scapy.layers.inet import TCP, UDP
from stack_lab import PACKED, drain, gives, host, ip, segment

from pystack.stack.endpoint import Endpoint
from pystack.stack.host import Host
from pystack.stack.outoforder import OutOfOrder

PIECE = 1400


def connections(stack: Host, count: int) -> list[Any]:
    """Accepted connections from ports 5000 on, each with the peer's next number 101."""
    listener = stack.listen(PACKED[4], 80, count)
    found = []
    for n in range(count):
        (syn_ack,) = gives(stack, segment(4, "S", seq=100, sport=5000 + n, options=[("SAckOK", b"")]))
        gives(stack, segment(4, "A", seq=101, ack=syn_ack[TCP].seq + 1, sport=5000 + n))
        found.append(listener.accept())
    return found


def beyond_a_hole(stack: Host, endpoint: Any, pieces: int) -> None:
    """The peer sends text of which the first byte is missing."""
    ack = endpoint.connection.tcb.iss + 1
    for n in range(pieces):
        text = segment(4, "A", seq=102 + n * PIECE, ack=ack, sport=endpoint.remote_port) / bytes(PIECE)
        stack.receive(bytes(text), 0)
    drain(stack)


def test_idle_connections_make_room_for_new_ones() -> None:
    stack = host(memory=600_000)
    found = connections(stack, 10)
    for endpoint in found:
        beyond_a_hole(stack, endpoint, 40)
    assert stack.metrics["TcpExtOfoPruned"] > 0
    assert stack.memory.held <= 600_000
    listener = stack.listen(PACKED[4], 81, 5)
    stack.memory.charge(600_001 - stack.memory.held)  # something that cannot come again takes all of the rest
    (answer,) = gives(stack, segment(4, "S", seq=7, dport=81))
    assert answer[TCP].flags == "SA"
    gives(stack, segment(4, "A", seq=8, ack=answer[TCP].seq + 1, dport=81))
    assert listener.has_ready
    stack.memory.charge(600_000)
    assert sum(e.connection.reassembly.held for e in found) == 0
    assert gives(stack, segment(4, "S", seq=7, sport=1, dport=81)) == []
    assert stack.metrics["PystackMemoryRefusedOpens"] == 1


def test_who_holds_most_gives_way_first_and_only_as_many_as_need_be() -> None:
    stack = host(memory=600_000)
    small, large, middle = connections(stack, 3)
    for endpoint, pieces in ((small, 2), (large, 30), (middle, 10)):
        beyond_a_hole(stack, endpoint, pieces)
    holds = [bool(e.connection.reassembly) for e in (small, large, middle)]
    assert holds == [True, True, True]
    for expected in ([True, False, True], [True, False, False], [False, False, False]):
        stack.memory.charge(600_001 - stack.memory.held)
        assert [bool(e.connection.reassembly) for e in (small, large, middle)] == expected
        assert not stack.memory.is_short
    assert stack.metrics["TcpExtOfoPruned"] == 3
    stack.memory.charge(600_001 - stack.memory.held)
    assert stack.memory.is_short
    assert stack.metrics["TcpExtOfoPruned"] == 3


def test_the_sum_is_right_after_it() -> None:
    """Whether it had been counted already or not, and when the connection goes on."""
    stack = host(memory=600_000)
    one, two = connections(stack, 2)
    beyond_a_hole(stack, one, 5)
    text = segment(4, "A", seq=102 + 9 * PIECE, ack=one.connection.tcb.iss + 1) / bytes(PIECE)
    stack.receive(bytes(text), 0)  # and is not counted yet
    assert one.touched
    extra = 600_001 - stack.memory.held
    stack.memory.charge(extra)
    assert not one.connection.reassembly
    drain(stack)
    stack.memory.charge(-extra)
    assert stack.memory.held == one.charged + two.charged == 2 * 4736
    beyond_a_hole(stack, one, 1)
    assert one.charged == 4736 + one.connection.reassembly.held > 4736 + PIECE
    gives(stack, segment(4, "R", seq=101))
    assert stack.memory.held == two.charged
    assert stack.memory.relieve() == 0, "nothing is kept of the one that is gone"


def test_a_datagram_gets_in_too() -> None:
    stack = host(memory=100_000)
    (one,) = connections(stack, 1)
    beyond_a_hole(stack, one, 20)
    stack.memory.charge(100_000 - stack.memory.held)
    receiver = stack.datagrams.open(bytes(4))
    stack.datagrams.bind(receiver, bytes(4), 53)
    for _ in range(2):
        stack.receive(bytes(ip(4) / UDP(dport=53) / bytes(500)), 0)
    assert stack.metrics["UdpInDatagrams"] == 2
    assert not one.connection.reassembly


@pytest.mark.parametrize("gone", [[], [1, 3]])
def test_the_largest_is_at_hand(gone: list[int]) -> None:
    class Reassembly:
        held = 0

    class Stand:
        reassembly: Reassembly

    index = OutOfOrder()
    found = []
    for n, held in enumerate((1500, 40_000, 0, 3000, 70_000)):
        connection = Stand()
        connection.reassembly = Reassembly()
        connection.reassembly.held = held
        endpoint = Endpoint(n, b"", connection, b"", 0, b"", 0, 0, 64, 0)  # type: ignore[arg-type]
        found.append(endpoint)
        index.note(endpoint)
    for n in gone:
        index.forget(found[n])
    found[0].connection.reassembly.held = 100_000
    found[4].connection.reassembly.held = 0
    for endpoint in (found[0], found[4]):
        index.note(endpoint)
    order = []
    while (taken := index.take()) is not None:
        order.append(taken.id)
    assert order == [n for n in (0, 1, 3) if n not in gone]
