"""Segments into a host: handshakes byte for byte, resets by the book, listeners, TIME-WAIT."""

from dataclasses import replace

import pytest
from scapy.layers.inet import TCP
from stack_lab import MS, OURS, PACKED, PACKED_THEIRS, SECOND, accepted, drain, gives, host, ip, segment

from pystack.stack.errors import AddressInUse, AddressNotAvailable, InvalidDestination, Unreachable
from pystack.tcp.config import TcpConfig
from pystack.tcp.events import Ending
from pystack.tcp.state import State

FAMILIES = pytest.mark.parametrize("family", [4, 6])
ALL = [("MSS", 1000), ("SAckOK", b""), ("Timestamp", (7, 0)), ("NOP", None), ("WScale", 5)]


def option_bytes(packet) -> str:
    data = bytes(packet[TCP])
    return data[20 : (data[12] >> 4) * 4].hex()


def mss(family: int) -> str:
    return "020405b4" if family == 4 else "020405a0"


# The handshake as Linux has it on the wire


@FAMILIES
def test_the_syn_is_linuxs_byte_for_byte(family: int) -> None:
    stack = host()
    stack.connect(PACKED_THEIRS[family], 80, 0)
    (syn,) = drain(stack)
    shown = option_bytes(syn)
    assert shown[:12] == mss(family) + "0402"
    assert shown[12:16] == "080a"
    assert shown[16:24] != "00000000", "the timestamp clock starts somewhere else for each connection"
    assert shown[24:] == "00000000" + "01030308"
    assert (syn[TCP].flags, syn[TCP].window, syn[TCP].dport) == ("S", 65535, 80)


@FAMILIES
@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"timestamps": False}, "0101040201030308"),
        ({"timestamps": False, "window_scaling": False}, "01010402"),
        ({"timestamps": False, "sack": False}, "01030308"),
        ({"timestamps": False, "sack": False, "window_scaling": False}, ""),
    ],
)
def test_the_syn_without_some_options(family: int, config: dict, expected: str) -> None:
    stack = host(tcp=TcpConfig(**config))
    stack.connect(PACKED_THEIRS[family], 80, 0)
    (syn,) = drain(stack)
    assert option_bytes(syn) == mss(family) + expected


@FAMILIES
@pytest.mark.parametrize(
    ("offered", "expected"),
    [
        (ALL[:1], ""),
        (ALL[:1] + ALL[3:], "01030308"),
        (ALL[:2], "01010402"),
        (ALL[:2] + ALL[3:], "0101040201030308"),
        ([], ""),
    ],
)
def test_the_syn_ack_answers_only_what_was_offered(family: int, offered: list, expected: str) -> None:
    stack = host()
    stack.listen(PACKED[family], 80, 5)
    (answer,) = gives(stack, segment(family, "S", seq=100, options=offered))
    assert (answer[TCP].flags, answer[TCP].ack, answer[TCP].window) == ("SA", 101, 65535)
    assert (answer[TCP].sport, answer[TCP].dport) == (80, 5000)
    assert option_bytes(answer) == mss(family) + expected


@FAMILIES
def test_the_syn_ack_with_everything(family: int) -> None:
    stack = host()
    stack.listen(PACKED[family], 80, 5)
    (answer,) = gives(stack, segment(family, "S", seq=100, options=ALL))
    shown = option_bytes(answer)
    assert shown[:16] == mss(family) + "0402080a"
    assert shown[24:] == "00000007" + "01030308"


@FAMILIES
def test_data_goes_both_ways_and_ends_in_order(family: int) -> None:
    stack = host()
    listener = stack.listen(bytes(len(PACKED[family])), 80, 5)
    endpoint = accepted(stack, family, listener)
    connection = endpoint.connection
    iss = connection.tcb.iss
    gives(stack, segment(family, "PA", seq=101, ack=iss + 1) / b"question")
    assert connection.recv(100) == b"question"
    connection.send(b"answer")
    connection.shutdown_write()
    stack.touch(endpoint)
    (reply,) = drain(stack)
    assert (bytes(reply[TCP].payload), reply[TCP].flags, reply[TCP].ack) == (b"answer", "FPA", 109)
    gives(stack, segment(family, "FA", seq=109, ack=iss + 8))
    assert connection.tcb.state is State.TIME_WAIT
    stack.on_deadline(59 * SECOND)
    assert stack.endpoints() == [endpoint]
    assert stack.next_deadline() == 60 * SECOND
    stack.on_deadline(60 * SECOND)
    assert drain(stack, 60 * SECOND) == []
    assert stack.endpoints() == []
    assert connection.ending is Ending.NORMAL
    assert stack.metrics["TcpPassiveOpens"] == 1


# Active opens


@FAMILIES
def test_an_active_open(family: int) -> None:
    """MUST-44, MUST-45."""
    stack = host()
    endpoint = stack.connect(PACKED_THEIRS[family], 9000, 0)
    (syn,) = drain(stack)
    assert syn.src == OURS[family]
    assert 32768 <= syn[TCP].sport <= 60999
    reply = segment(family, "SA", sport=9000, dport=syn[TCP].sport, seq=500, ack=syn[TCP].seq + 1)
    (ack,) = gives(stack, reply)
    assert (ack[TCP].flags, ack[TCP].ack) == ("A", 501)
    assert endpoint.connection.tcb.state is State.ESTABLISHED
    assert stack.metrics["TcpActiveOpens"] == 1


@pytest.mark.parametrize(
    "remote",
    [
        bytes(4),
        bytes([224, 0, 0, 1]),
        bytes([255, 255, 255, 255]),
        bytes([10, 0, 0, 255]),
        bytes([0, 1, 2, 3]),
        bytes([240, 1, 2, 3]),
        bytes(16),
        bytes([0xFF, 2, *bytes(13), 1]),
    ],
)
def test_nobody_can_be_connected_to_at_such_an_address(remote: bytes) -> None:
    """MUST-46."""
    with pytest.raises(InvalidDestination):
        host().connect(remote, 80, 0)


def test_what_else_connect_refuses() -> None:
    stack = host(addresses=((PACKED[4], 24),))
    with pytest.raises(InvalidDestination):
        stack.connect(PACKED_THEIRS[4], 0, 0)
    with pytest.raises(Unreachable):
        stack.connect(PACKED_THEIRS[6], 80, 0)
    with pytest.raises(AddressNotAvailable):
        stack.connect(PACKED_THEIRS[4], 80, 0, local=bytes([10, 0, 0, 9]))
    stack.connect(PACKED_THEIRS[4], 80, 0, local_port=1234)
    with pytest.raises(AddressInUse):
        stack.connect(PACKED_THEIRS[4], 80, 0, local_port=1234)
    assert stack.connect(PACKED_THEIRS[4], 81, 0, local_port=1234).local_port == 1234


def test_ephemeral_ports_run_out_per_destination() -> None:
    stack = host(ephemeral_ports=(40000, 40003))
    ports = {stack.connect(PACKED_THEIRS[4], 80, 0).local_port for _ in range(4)}
    assert ports == {40000, 40001, 40002, 40003}
    with pytest.raises(AddressNotAvailable):
        stack.connect(PACKED_THEIRS[4], 80, 0)
    assert stack.connect(PACKED_THEIRS[4], 81, 0).local_port in ports


def test_a_call_does_not_leave_from_a_bound_port() -> None:
    """Whatever address it is bound to, as in Linux (__inet_hash_connect)."""
    stack = host(addresses=((PACKED[4], 24), (bytes([10, 0, 0, 9]), 24)), ephemeral_ports=(40000, 40001))
    stack.ports.bind(bytes([10, 0, 0, 9]), 40000)
    assert stack.connect(PACKED_THEIRS[4], 80, 0).local_port == 40001
    with pytest.raises(AddressNotAvailable):
        stack.connect(PACKED_THEIRS[4], 80, 0)
    stack.ports.release(bytes([10, 0, 0, 9]), 40000)
    assert stack.connect(PACKED_THEIRS[4], 80, 0).local_port == 40000


# TIME-WAIT


def time_wait(family: int, **config):
    """A connection of ours in TIME-WAIT, to port 80."""
    stack = host(tcp=TcpConfig(**config))
    listener = stack.listen(PACKED[family], 80, 5)
    options = [("Timestamp", (1000, 0))] if config.get("timestamps", True) else []
    (answer,) = gives(stack, segment(family, "S", seq=100, options=options))
    iss = answer[TCP].seq
    gives(stack, segment(family, "A", seq=101, ack=iss + 1, options=options))
    endpoint = listener.accept()
    endpoint.connection.shutdown_write()
    stack.touch(endpoint)
    drain(stack)
    gives(stack, segment(family, "FA", seq=101, ack=iss + 2, options=options))
    assert endpoint.connection.tcb.state is State.TIME_WAIT
    return stack, endpoint, iss, listener


@FAMILIES
@pytest.mark.parametrize(
    ("timestamps", "seq", "ts_val", "reused"),
    [
        (True, 5, 1001, True),  # SHLD-4: a newer timestamp
        (True, 5000, 999, False),
        (True, 5000, 1000, True),  # the same one: the number decides
        (True, 50, 1000, False),
        (False, 5000, None, True),  # MAY-2: beyond the last number of the old connection
        (False, 50, None, False),
    ],
)
def test_a_syn_may_end_time_wait(family: int, timestamps: bool, seq: int, ts_val: int | None, reused: bool) -> None:
    stack, old, iss, _ = time_wait(family, timestamps=timestamps)
    options = [] if ts_val is None else [("Timestamp", (ts_val, 0))]
    answers = gives(stack, segment(family, "S", seq=seq, options=options), 10 * SECOND)
    if reused:
        assert [(p[TCP].flags, p[TCP].ack) for p in answers] == [("SA", seq + 1)]
        assert answers[0][TCP].seq == (iss + 2 + 65537) % 2**32
        assert old not in stack.endpoints()
    else:
        assert [(p[TCP].flags, p[TCP].ack) for p in answers] == [("A", 102)]
        assert stack.endpoints() == [old]


@FAMILIES
def test_a_syn_for_time_wait_without_a_listener_is_challenged(family: int) -> None:
    stack, old, _, listener = time_wait(family, timestamps=False)
    stack.close_listener(listener)
    answers = gives(stack, segment(family, "S", seq=5000), 10 * SECOND)
    assert [(p[TCP].flags, p[TCP].ack) for p in answers] == [("A", 102)]
    assert stack.endpoints() == [old]


@FAMILIES
def test_initial_numbers_follow_a_clock_and_the_addresses(family: int) -> None:
    """MUST-8, SHLD-1."""
    stack = host()
    listener = stack.listen(PACKED[family], 80, 50)
    seen = {}
    for port, now in ((5000, 0), (5001, 0), (5002, 0)):
        (answer,) = gives(stack, segment(family, "S", seq=1, sport=port), now)
        seen[port] = answer[TCP].seq
    assert len(set(seen.values())) == 3
    stack.close_listener(listener)
    drain(stack)
    stack.listen(PACKED[family], 80, 50)
    (answer,) = gives(stack, segment(family, "S", seq=1, sport=5000), SECOND)
    assert (answer[TCP].seq - seen[5000]) % 2**32 == 250_000, "4 microseconds a tick"


@FAMILIES
def test_the_mtu_bounds_the_mss(family: int) -> None:
    """MUST-67, SHLD-6."""
    stack = host(mtu=1300)
    stack.connect(PACKED_THEIRS[family], 80, 0)
    (syn,) = drain(stack)
    assert dict(syn[TCP].options)["MSS"] == 1300 - (40 if family == 4 else 60)


@FAMILIES
def test_the_ttl_is_configurable(family: int) -> None:
    """MUST-49."""
    stack = host(ttl=17)
    (answer,) = gives(stack, segment(family, "S", seq=1))
    assert (answer.ttl if family == 4 else answer.hlim) == 17


@FAMILIES
def test_abort_all_resets_every_connection(family: int) -> None:
    stack = host()
    listener = stack.listen(PACKED[family], 80, 5)
    accepted(stack, family, listener)
    stack.abort_all()
    assert [p[TCP].flags for p in drain(stack)] == ["RA"]
    assert stack.endpoints() == []
    assert gives(stack, segment(family, "S", seq=1, sport=6000))[0][TCP].flags == "RA"


@FAMILIES
def test_an_early_timer_fires_again_at_its_time(family: int) -> None:
    """The heap keeps one entry, which may be too early."""
    stack = host()
    listener = stack.listen(PACKED[family], 80, 5)
    endpoint = accepted(stack, family, listener)
    endpoint.connection.send(b"x")
    stack.touch(endpoint)
    drain(stack)
    first = stack.next_deadline()
    assert first is not None
    gives(stack, segment(family, "A", seq=101, ack=endpoint.connection.tcb.snd.nxt), 10 * MS)
    endpoint.connection.send(b"y")
    stack.touch(endpoint)
    assert len(drain(stack, 100 * MS)) == 1
    stack.on_deadline(first)
    assert drain(stack, first) == []
    second = stack.next_deadline()
    assert second is not None
    assert second > first
    stack.on_deadline(second)
    assert [bytes(p[TCP].payload) for p in drain(stack, second)] == [b"y"]


def test_a_listener_may_have_settings_of_its_own() -> None:
    stack = host()
    stack.listen(PACKED[4], 80, 5, config=replace(stack.config.tcp, sack=False))
    (answer,) = gives(stack, segment(4, "S", seq=1, options=ALL))
    assert "SAckOK" not in dict(answer[TCP].options)
    assert ip(4).dst == OURS[4]
