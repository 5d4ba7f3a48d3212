"""Who is woken when something happens to a host."""

import pytest
from two_hosts import A4, B4, Lan

from pystack.sim.simulation import Simulation
from pystack.sock.calls import Sock
from pystack.sock.constants import AF_INET, WouldBlock
from pystack.sock.datagram import UdpSock
from pystack.sock.dispatch import dispatch
from pystack.stack.config import Config
from pystack.tcp.events import Event

PORT = 80


def carry(lan: Lan) -> None:
    """What `a` has to say arrives at `b`, and nobody is told."""
    while (packet := lan.a.poll_transmit(lan.now)) is not None:
        lan.b.receive(bytes(packet), lan.now)
    while lan.b.poll_transmit(lan.now) is not None:
        pass


def test_sockets_of_each_kind_are_woken() -> None:
    lan = Lan()
    woken: list[str] = []
    sock, peer = lan.pair()
    listener = lan.listener(PORT + 1)
    datagrams = UdpSock(lan.b, AF_INET)
    datagrams.bind(B4, PORT)
    for name, one in (("connection", peer), ("listener", listener), ("datagrams", datagrams)):
        one.on_ready = lambda name=name: woken.append(name)  # type: ignore[misc]
    assert not dispatch(lan.b)
    sock.send(b"text")
    Sock(lan.a, AF_INET).connect(B4, PORT + 1, lan.now)
    UdpSock(lan.a, AF_INET).sendto(b"text", B4, PORT, lan.now)
    carry(lan)
    assert dispatch(lan.b)
    assert sorted(woken) == ["connection", "datagrams"]
    lan.run()
    assert "listener" not in woken, "the handshake was not over: its SYN,ACK was lost"
    lan.advance(10**9)
    assert woken.count("listener") == 1
    assert not dispatch(lan.b)


def test_a_socket_that_nobody_listens_to_is_an_event_all_the_same() -> None:
    lan = Lan()
    sock, _ = lan.pair()
    sock.send(b"text")
    carry(lan)
    events: list[Event] = []
    assert dispatch(lan.b, on_event=events.append)
    assert [event & Event.READABLE for event in events] == [Event.READABLE]


def test_the_guard_makes_the_call() -> None:
    lan = Lan()
    sock, peer = lan.pair()
    other, its_peer = lan.pair(81)
    caught: list[str] = []

    def fail() -> None:
        raise ZeroDivisionError

    def guard(on_ready):  # type: ignore[no-untyped-def]
        with pytest.raises(ZeroDivisionError):
            on_ready()
        caught.append("one")

    peer.on_ready = its_peer.on_ready = fail
    for one in (sock, other):
        one.send(b"text")
    carry(lan)
    assert dispatch(lan.b, guard=guard)
    assert caught == ["one", "one"]


def test_without_a_guard_the_driver_is_told() -> None:
    lan = Lan()
    sock, peer = lan.pair()

    def fail() -> None:
        raise ZeroDivisionError

    peer.on_ready = fail
    sock.send(b"text")
    carry(lan)
    with pytest.raises(ZeroDivisionError):
        dispatch(lan.b)


def test_a_socket_answers_within_a_step_of_the_network() -> None:
    lab = Simulation(seed=1)
    a, b = (lab.host(name, config=Config(addresses=((address, 24),))) for name, address in (("a", A4), ("b", B4)))
    lab.link(a, b)
    server = UdpSock(b.stack, AF_INET)
    server.bind(B4, PORT)

    def echo() -> None:
        while (message := server.recvfrom(100)) is not WouldBlock.READ:
            data, source = message
            server.sendto(data, *source, b.now)

    server.on_ready = echo
    client = UdpSock(a.stack, AF_INET)
    client.sendto(b"text", B4, PORT, a.now)
    a.settle()
    lab.run_until()
    assert client.recvfrom(100) == (b"text", (B4, PORT))
