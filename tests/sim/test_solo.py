"""A host alone in virtual time."""

from functools import partial

import pytest
from two_hosts import A4, B4, SECOND, entropy

from pystack.sim.solo import Solo
from pystack.sock.calls import Sock
from pystack.sock.constants import AF_INET, WouldBlock
from pystack.sock.datagram import UdpSock
from pystack.stack.config import Config
from pystack.stack.host import Host
from pystack.tcp.events import Event
from pystack.tcp.state import State
from pystack.wire import icmpv4, ipv4, tcp

PORT = 80
MS = 1_000_000


def solo() -> Solo:
    return Solo(Host(Config(addresses=((A4, 24),)), entropy("a")))


def ping(number: int) -> bytes:
    body = icmpv4.build(icmpv4.Message(icmpv4.ECHO_REQUEST, 0, number, b"x" * 8))
    return ipv4.build_header(B4, A4, 1, len(body)) + body


def test_an_answer_takes_no_time_and_waits_to_be_asked_for() -> None:
    s = solo()
    s.inject(ping(1))
    s.inject(ping(2))
    answers = s.collect()
    assert [(at, packet[24:28]) for at, packet in answers] == [(SECOND, bytes([0, 0, 0, n])) for n in (1, 2)]
    assert (s.collect(), s.now) == ([], SECOND)


def test_packets_of_a_timer_have_its_time() -> None:
    s = solo()
    Sock(s.host, AF_INET).connect(B4, PORT, s.now)
    s.advance(s.now + 8 * SECOND)
    assert s.now == 9 * SECOND
    sent = s.collect()
    assert [at / SECOND for at, _ in sent] == pytest.approx([1, 2, 4, 8])
    numbers = {tcp.parse(ipv4.parse(memoryview(packet)).payload, None).seq for _, packet in sent}
    assert len(numbers) == 1, "one SYN, and three more times"


def test_it_stops_where_there_is_something_to_collect() -> None:
    s = solo()
    Sock(s.host, AF_INET).connect(B4, PORT, s.now)
    s.advance(100 * SECOND, stop_at_packet=True)
    assert s.now == SECOND, "the SYN is there already"
    s.collect()
    s.advance(100 * SECOND, stop_at_packet=True)
    ((at, _),) = s.collect()
    assert at == s.now == pytest.approx(2 * SECOND)
    s.advance(s.now + 10 * MS, stop_at_packet=True)
    assert (s.now, s.collect()) == (at + 10 * MS, [])
    s.advance(0)
    assert s.now == at + 10 * MS, "time does not go back"


def test_events_are_told_and_sockets_woken_and_answer_at_once() -> None:
    s = solo()
    server = UdpSock(s.host, AF_INET)
    server.bind(A4, 7)

    def echo() -> None:
        while (message := server.recvfrom(100)) is not WouldBlock.READ:
            data, source = message
            server.sendto(data, *source, s.now)

    server.on_ready = echo
    other = solo_of_the_other_side()
    UdpSock(other.host, AF_INET).sendto(b"text", A4, 7, other.now)
    for _, packet in other.collect():
        s.inject(packet)
    ((at, answer),) = s.collect()
    assert (at, answer[-4:]) == (SECOND, b"text")
    assert s.events == [(SECOND, Event.READABLE)]


def solo_of_the_other_side() -> Solo:
    return Solo(Host(Config(addresses=((B4, 24),)), entropy("b")))


def test_two_of_them_carry_a_connection() -> None:
    """As a script interpreter does it: whoever holds both is the network."""
    left, right = solo(), solo_of_the_other_side()
    listener = Sock(right.host, AF_INET)
    listener.bind(B4, PORT)
    listener.listen(1)
    client = Sock(left.host, AF_INET)
    client.connect(B4, PORT, left.now)
    for _ in range(3):
        for here, there in ((left, right), (right, left)):
            for _, packet in here.collect():
                there.inject(packet)
    assert client.connect_result() is None
    server = listener.accept()
    assert isinstance(server, Sock)
    assert server.connection is not None
    assert server.connection.tcb.state is State.ESTABLISHED


def test_a_host_that_never_rests_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    s = solo()
    monkeypatch.setattr(s.host, "next_deadline", lambda: 0)
    with pytest.raises(AssertionError, match="timers"):
        s.advance(2 * SECOND)
    monkeypatch.setattr(s.host, "poll_transmit", partial(lambda packet, now: packet, ping(1)))
    with pytest.raises(AssertionError, match="without a pause"):
        s.collect()
