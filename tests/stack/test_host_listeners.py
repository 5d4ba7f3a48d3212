"""Listeners of a host, and ports where nobody listens."""

import pytest
from scapy.layers.inet import TCP
from stack_lab import OURS, PACKED, accepted, drain, gives, host, segment

from pystack.stack.errors import AddressInUse
from pystack.tcp.events import Event

FAMILIES = pytest.mark.parametrize("family", [4, 6])


# Nobody listens


@FAMILIES
@pytest.mark.parametrize(
    ("flags", "seq", "ack", "text", "expected"),
    [
        ("S", 100, 0, b"", ("RA", 0, 101)),
        ("S", 2**32 - 1, 0, b"", ("RA", 0, 0)),
        ("SF", 100, 0, b"12345", ("RA", 0, 107)),
        ("", 100, 0, b"12345", ("RA", 0, 105)),
        ("A", 100, 777, b"12345", ("R", 777, 0)),
        ("SA", 100, 777, b"", ("R", 777, 0)),
        ("FA", 100, 2**32 - 1, b"", ("R", 2**32 - 1, 0)),
    ],
)
def test_a_closed_port_resets_by_the_book(family, flags, seq, ack, text, expected) -> None:
    """RFC 9293 section 3.10.7.1."""
    stack = host()
    (answer,) = gives(stack, segment(family, flags, seq=seq, ack=ack) / text)
    tcp = answer[TCP]
    assert (tcp.flags, tcp.seq, tcp.ack) == expected
    assert (answer.src, tcp.sport, tcp.dport, tcp.window) == (OURS[family], 80, 5000, 0)
    assert stack.metrics["TcpOutRsts"] == 1


@FAMILIES
def test_a_reset_is_never_answered(family: int) -> None:
    stack = host()
    assert gives(stack, segment(family, "R", seq=1)) == []
    assert gives(stack, segment(family, "RA", seq=1, ack=5)) == []


@FAMILIES
def test_what_a_listener_answers_and_what_it_drops(family: int) -> None:
    """RFC 9293 section 3.10.7.2: RST first, ACK second, SYN third, the rest is dropped."""
    stack = host()
    stack.listen(PACKED[family], 80, 5)
    (answer,) = gives(stack, segment(family, "A", seq=1, ack=777))
    assert (answer[TCP].flags, answer[TCP].seq) == ("R", 777)
    (answer,) = gives(stack, segment(family, "SA", seq=1, ack=777))
    assert (answer[TCP].flags, answer[TCP].seq) == ("R", 777)
    for flags in ("R", "RA", "F", "", "P", "SF", "SFP"):
        assert gives(stack, segment(family, flags, seq=1, ack=777)) == []
    assert stack.endpoints() == [], "a SYN with a FIN leaves nothing behind"


# Listeners


@FAMILIES
def test_the_exact_address_goes_before_the_wildcard(family: int) -> None:
    stack = host()
    wide = stack.listen(bytes(len(PACKED[family])), 80, 5)
    exact = stack.listen(PACKED[family], 80, 5)
    assert accepted(stack, family, exact) is not None
    assert not wide.has_ready
    with pytest.raises(AddressInUse):
        stack.listen(PACKED[family], 80, 5)


def test_the_families_do_not_mix() -> None:
    stack = host()
    stack.listen(bytes(4), 80, 5)
    (answer,) = gives(stack, segment(6, "S", seq=100))
    assert answer[TCP].flags == "RA"


@FAMILIES
def test_the_backlog_bounds_what_waits_for_accept(family: int) -> None:
    stack = host()
    listener = stack.listen(PACKED[family], 80, 1)
    answers = {port: gives(stack, segment(family, "S", seq=100, sport=port)) for port in range(5000, 5004)}
    for port, (answer,) in answers.items():
        gives(stack, segment(family, "A", seq=101, ack=answer[TCP].seq + 1, sport=port))
    assert stack.metrics["TcpPassiveOpens"] == 2, "one more than the backlog, as in Linux"
    assert stack.metrics["TcpExtListenOverflows"] == 2
    assert gives(stack, segment(family, "S", seq=1, sport=6000)) == []
    assert listener.accept().remote_port == 5000
    gives(stack, segment(family, "A", seq=101, ack=answers[5002][0][TCP].seq + 1, sport=5002))
    assert [listener.accept().remote_port for _ in range(2)] == [5001, 5002]
    assert listener.accept() is None


@FAMILIES
def test_the_syn_queue_is_bounded_and_the_oldest_goes(family: int) -> None:
    stack = host(syn_queue=10)
    stack.listen(PACKED[family], 80, 100)
    for port in range(5000, 5030):
        gives(stack, segment(family, "S", seq=100, sport=port))
    assert [e.remote_port for e in stack.endpoints()] == list(range(5020, 5030))
    assert stack.metrics["TcpExtReqQFullDrop"] == 20


@FAMILIES
def test_half_open_connections_vanish_in_the_end(family: int) -> None:
    stack = host()
    listener = stack.listen(PACKED[family], 80, 5)
    gives(stack, segment(family, "S", seq=100))
    sent = 0
    while (deadline := stack.next_deadline()) is not None:
        stack.on_deadline(deadline)
        sent += len(drain(stack, deadline))
    assert sent == 5
    assert deadline is None
    assert stack.endpoints() == []
    assert not listener.has_ready


@FAMILIES
def test_closing_a_listener_resets_what_nobody_accepted(family: int) -> None:
    stack = host()
    listener = stack.listen(PACKED[family], 80, 5)
    (answer,) = gives(stack, segment(family, "S", seq=100))
    gives(stack, segment(family, "A", seq=101, ack=answer[TCP].seq + 1))
    gives(stack, segment(family, "S", seq=100, sport=5001))
    stack.close_listener(listener)
    assert [(p[TCP].flags, p[TCP].dport) for p in drain(stack)] == [("RA", 5001), ("RA", 5000)]
    assert stack.endpoints() == []
    (answer,) = gives(stack, segment(family, "S", seq=100, sport=5002))
    assert answer[TCP].flags == "RA"


@FAMILIES
def test_events_tell_the_listener_and_the_connection(family: int) -> None:
    stack = host()
    listener = stack.listen(PACKED[family], 80, 5)
    endpoint = accepted(stack, family, listener)
    gives(stack, segment(family, "PA", seq=101, ack=endpoint.connection.tcb.iss + 1) / b"x")
    found = []
    while (event := stack.poll_event()) is not None:
        found.append(event)
    assert (listener, Event.READABLE) in found
    assert [e for who, e in found if who is endpoint][-1] & Event.READABLE
