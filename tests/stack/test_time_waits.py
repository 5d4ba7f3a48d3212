"""Connections in TIME-WAIT that no application holds: less is kept of them, and nobody outside can tell."""

import errno
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.layers.inet import ICMP, IP, TCP
from scapy.layers.inet6 import ICMPv6DestUnreach
from stack_lab import OURS, PACKED, PACKED_THEIRS, SECOND, THEIRS, accepted, drain, gives, host, ip, segment
from two_hosts import B4, Lan

from pystack.sock import constants as c
from pystack.sock.calls import Sock
from pystack.stack.endpoint import Endpoint
from pystack.stack.errors import AddressInUse
from pystack.stack.host import Host
from pystack.stack.timewait import HELD
from pystack.tcp.config import TcpConfig
from pystack.tcp.events import Ending
from pystack.tcp.state import State

FAMILIES = pytest.mark.parametrize("family", [4, 6])
STAMP = [("Timestamp", (1000, 0))]


def in_time_wait(
    family: int,
    *,
    lets_go: bool = True,
    stamps: bool = True,
    sport: int = 5000,
    stack: Host | None = None,
    **config: Any,
) -> tuple[Host, Endpoint, int]:
    """A connection to port 80 in TIME-WAIT, which the application `lets_go` of or not; and the next number of ours."""
    stack = stack or host(tcp=TcpConfig(timestamps=stamps, **config))
    options = STAMP if stamps else []
    listener = stack.listeners.get((PACKED[family], 80)) or stack.listen(PACKED[family], 80, 5)
    (answer,) = gives(stack, segment(family, "S", seq=100, options=[*options, ("WScale", 2)], sport=sport))
    nxt = answer[TCP].seq + 2
    gives(stack, segment(family, "A", seq=101, ack=nxt - 1, options=options, sport=sport))
    endpoint = listener.accept()
    assert endpoint is not None
    endpoint.connection.shutdown_write()
    stack.touch(endpoint)
    drain(stack)
    (answer,) = gives(stack, segment(family, "FA", seq=101, ack=nxt, options=options, sport=sport))
    assert (answer[TCP].flags, answer[TCP].ack) == ("A", 102)
    assert endpoint.connection.tcb.state is State.TIME_WAIT
    if lets_go:
        endpoint.connection.close(0)
        stack.touch(endpoint)
        assert drain(stack) == []
    return stack, endpoint, nxt


def records(stack: Host) -> int:
    return len(stack.connections.time_waits)


NUMBERS = st.one_of(st.sampled_from([100, 101, 102, 103, 70_000]), st.integers(0, 2**32 - 1))
STAMPS = st.one_of(st.none(), st.integers(997, 1003))
FLAGS = st.one_of(st.sampled_from(["A", "FA", "R", "S", "SA"]), st.integers(0, 63))


@given(
    family=st.sampled_from([4, 6]),
    stamps=st.booleans(),
    rfc1337=st.booleans(),
    listens=st.booleans(),
    segments=st.lists(st.tuples(FLAGS, NUMBERS, st.integers(-2, 2), st.integers(0, 3), STAMPS), min_size=1, max_size=8),
)
@settings(max_examples=60, deadline=None)
def test_it_answers_as_the_connection_would(
    family: int, stamps: bool, rfc1337: bool, listens: bool, segments: list[Any]
) -> None:
    """To the byte, whatever comes: what is kept of a connection against the connection, which an application holds."""
    said = []
    for lets_go in (True, False):
        stack, _, nxt = in_time_wait(family, lets_go=lets_go, stamps=stamps, rfc1337=rfc1337)
        if not listens:
            stack.close_listener(stack.listeners[PACKED[family], 80])
        heard = []
        for second, (flags, seq, ack, text, stamp) in enumerate(segments):
            options = [] if stamp is None else [("Timestamp", (stamp, 0))]
            packet = segment(family, flags, seq=seq, ack=(nxt + ack) % 2**32, options=options) / bytes(text)
            now = second * SECOND // 4
            heard.append([bytes(p) for p in gives(stack, packet, now)])
        until = [second * SECOND for second in range(1, 65) if _is_remembered(stack, family, second * SECOND)]
        said.append((heard, until, stack.metrics.snapshot()))
    assert said[0] == said[1]


def _is_remembered(stack: Host, family: int, now: int) -> bool:
    stack.on_deadline(now)
    drain(stack, now)
    return stack.connections.find(PACKED_THEIRS[family] + PACKED[family] + b"\x13\x88\0\x50") is not None


@FAMILIES
def test_the_connection_is_over_for_the_host_but_for_what_answers(family: int) -> None:
    stack, endpoint, nxt = in_time_wait(family)
    assert (stack.endpoints(), records(stack)) == ([], 1)
    assert (endpoint.connection.tcb.state, endpoint.connection.ending) == (State.CLOSED, Ending.NORMAL)
    assert stack.memory.held == HELD
    assert stack.next_deadline() == 60 * SECOND
    (answer,) = gives(stack, segment(family, "FA", seq=101, ack=nxt, options=STAMP), 50 * SECOND)
    assert (answer[TCP].flags, answer[TCP].seq, answer[TCP].ack) == ("A", nxt, 102)
    stack.on_deadline(109 * SECOND)
    assert records(stack) == 1, "the FIN has come again (MUST-13)"
    stack.on_deadline(110 * SECOND)
    assert (records(stack), stack.memory.held, stack.next_deadline()) == (0, 0, None)
    (answer,) = gives(stack, segment(family, "FA", seq=101, ack=nxt, options=STAMP), 110 * SECOND)
    assert answer[TCP].flags == "R"


@FAMILIES
def test_what_an_application_still_holds_stays_whole(family: int) -> None:
    """It may be read, also when 2 MSL are over."""
    stack = host()
    listener = stack.listen(PACKED[family], 80, 5)
    endpoint = accepted(stack, family, listener)
    nxt = endpoint.connection.tcb.snd.nxt + 1
    endpoint.connection.shutdown_write()
    stack.touch(endpoint)
    drain(stack)
    gives(stack, segment(family, "FA", seq=101, ack=nxt) / b"unread")
    assert (stack.endpoints(), records(stack)) == ([endpoint], 0)
    assert endpoint.connection.recv(3) == b"unr"
    stack.on_deadline(60 * SECOND)
    drain(stack, 60 * SECOND)
    assert stack.endpoints() == []
    assert endpoint.connection.recv(9) == b"ead"


@FAMILIES
def test_there_are_no_more_than_may_be(family: int) -> None:
    stack = host(max_tw=2)
    for port in (5000, 5001, 5002):
        _, last, nxt = in_time_wait(family, stack=stack, sport=port)
    assert (stack.endpoints(), records(stack)) == ([], 2)
    assert stack.metrics["TcpExtTCPTimeWaitOverflow"] == 1
    assert last.connection.ending is Ending.NORMAL
    assert stack.memory.held == 2 * HELD
    (answer,) = gives(stack, segment(family, "FA", seq=101, ack=nxt, sport=5002, options=STAMP))
    assert answer[TCP].flags == "R"


@FAMILIES
def test_a_new_connection_takes_the_place(family: int) -> None:
    """RFC 6191."""
    stack, _, nxt = in_time_wait(family)
    (answer,) = gives(stack, segment(family, "S", seq=7, options=[("Timestamp", (1001, 0))]), SECOND)
    assert (answer[TCP].flags, answer[TCP].seq, answer[TCP].ack) == ("SA", (nxt + 65537) % 2**32, 8)
    assert (len(stack.endpoints()), records(stack), stack.metrics["TcpExtTWRecycled"]) == (1, 0, 1)
    stack.on_deadline(60 * SECOND)
    assert len(stack.endpoints()) == 1, "the old connection's time is not the new one's"


@FAMILIES
def test_no_icmp_error_can_be_about_it(family: int) -> None:
    """Nothing is in flight (RFC 5927 section 4.1); but it is a connection of ours."""
    stack, _, nxt = in_time_wait(family)
    quoted = ip(family, src=OURS[family], dst=THEIRS[family]) / TCP(sport=80, dport=5000, seq=nxt - 1)
    error = ICMP(type=3, code=3) if family == 4 else ICMPv6DestUnreach(code=4)
    assert gives(stack, ip(family) / error / quoted) == []
    assert stack.metrics["PystackIcmpInUnbelieved"] == 1
    assert records(stack) == 1


@FAMILIES
def test_the_name_is_taken_until_it_is_over(family: int) -> None:
    stack, _, _ = in_time_wait(family)
    with pytest.raises(AddressInUse):
        stack.connect(PACKED_THEIRS[family], 5000, 0, local_port=80)
    stack.on_deadline(60 * SECOND)
    stack.connect(PACKED_THEIRS[family], 5000, 60 * SECOND, local_port=80)


def test_its_port_needs_reuseaddr() -> None:
    lan = Lan()
    client, server = lan.pair()
    server.close(lan.now)
    lan.run()
    client.close(lan.now)
    lan.run()
    assert records(lan.b) == 1
    for address in (bytes(4), B4):
        with pytest.raises(OSError, match="in use") as caught:
            Sock(lan.b, c.AF_INET).bind(address, 80)
        assert caught.value.errno == errno.EADDRINUSE
    Sock(lan.b, c.AF_INET6).bind(bytes(16), 80)
    Sock(lan.b, c.AF_INET).bind(bytes(4), 81)
    again = Sock(lan.b, c.AF_INET)
    again.reuse_address = True
    again.bind(bytes(4), 80)
    again.close(lan.now)
    lan.advance(60 * SECOND)
    Sock(lan.b, c.AF_INET).bind(bytes(4), 80)


def test_it_speaks_with_the_ttl_and_tos_of_its_socket() -> None:
    stack, endpoint, nxt = in_time_wait(4, lets_go=False)
    endpoint.ttl, endpoint.tos = 9, 0x20
    endpoint.connection.close(0)
    stack.touch(endpoint)
    drain(stack)
    (answer,) = gives(stack, segment(4, "FA", seq=101, ack=nxt, options=STAMP))
    assert (answer[IP].ttl, answer[IP].tos) == (9, 0x20)


def test_abort_all_leaves_none() -> None:
    stack, _, _ = in_time_wait(4)
    stack.abort_all()
    assert drain(stack) == []
    assert (records(stack), stack.memory.held, stack.next_deadline()) == (0, 0, None)
