"""UDP endpoints without a host: who gets a datagram, what is kept, which errors are told."""

import hashlib
from collections import deque
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pystack.ip.config import IpConfig
from pystack.ip.fragment import MessageTooLong
from pystack.ip.icmp import Error
from pystack.ip.layer import Ip
from pystack.tcp.icmp import IcmpKind
from pystack.udp.discovery import Discovery
from pystack.udp.endpoint import HELD_BESIDE_DATA, Received, UdpEndpoint, most_data
from pystack.udp.table import Table
from pystack.wire import ipv4, quoted

ANY = {4: bytes(4), 6: bytes(16)}
OURS = {4: bytes([10, 0, 0, 2]), 6: bytes([0xFD, *bytes(14), 2])}
THEIRS = {4: bytes([10, 0, 0, 1]), 6: bytes([0xFD, *bytes(14), 1])}
ALSO_OURS = bytes([10, 0, 0, 3])
FAMILIES = pytest.mark.parametrize("family", [4, 6])


def endpoint(family: int = 4, rcvbuf: int = 10_000, charge: Any = lambda change: None) -> UdpEndpoint:
    return UdpEndpoint(ANY[family], rcvbuf, 64, charge)


def at(local: bytes, port: int, remote: bytes | None = None, remote_port: int = 0, reuse: bool = False) -> UdpEndpoint:
    one = endpoint(4 if len(local) == 4 else 6)
    one.local, one.local_port, one.remote, one.remote_port, one.reuse = local, port, remote, remote_port, reuse
    return one


# What waits


@given(st.lists(st.one_of(st.binary(max_size=3000), st.none())), st.integers(500, 8000))
def test_the_queue_is_a_bounded_fifo(steps: list[bytes | None], rcvbuf: int) -> None:
    """None reads. Nothing is reordered or lost but what `receive` refuses, and the memory is counted exactly."""
    charged = 0

    def charge(change: int) -> None:
        nonlocal charged
        charged += change

    one = endpoint(rcvbuf=rcvbuf, charge=charge)
    model: deque[bytes] = deque()
    for n, step in enumerate(steps):
        if step is None:
            peeked, got = one.peek(), one.recv()
            assert peeked == got
            assert (None if got is None else got.data) == (model.popleft() if model else None)
        else:
            size = len(step) + HELD_BESIDE_DATA
            room = not model or sum(len(d) + HELD_BESIDE_DATA for d in model) + size <= rcvbuf
            assert one.receive(Received(step, OURS[4], n, 64)) is room
            if room:
                model.append(step)
        assert one.held == charged == sum(len(d) + HELD_BESIDE_DATA for d in model)
        assert one.readable is bool(model)
    one.drop_all()
    assert (one.held, charged, one.readable) == (0, 0, False)


# Who gets it

WHERE = st.sampled_from([ANY[4], OURS[4], ALSO_OURS])
WHO = st.sampled_from([None, (THEIRS[4], 1), (THEIRS[4], 2)])


@given(st.lists(st.tuples(WHERE, st.sampled_from([7, 8]), WHO)), WHERE.filter(any), st.sampled_from([7, 8]))
def test_the_nearest_endpoint_gets_it(endpoints: list[Any], local: bytes, port: int) -> None:
    """Connected, else bound to the address, else the wildcard; of equals the last."""
    table = Table()
    made = []
    for where, its_port, who in endpoints:
        one = at(where if who is None or any(where) else OURS[4], its_port, *(who or (None, 0)))
        table.add(one)
        made.append(one)
    assert list(table) == sorted(made, key=lambda o: [m.local_port for m in made].index(o.local_port))
    found = table.find(local, port, THEIRS[4], 1)
    here = [o for o in made if o.local_port == port]
    connected = [o for o in here if (o.remote, o.remote_port, o.local) == (THEIRS[4], 1, local)]
    bound = [o for o in here if o.remote is None and o.local == local]
    wildcard = [o for o in here if o.remote is None and not any(o.local)]
    expected = (connected or bound or wildcard or [None])[-1]
    assert found is expected
    for one in made:
        table.remove(one)
    assert list(table) == []
    assert table.find(local, port, THEIRS[4], 1) is None


def test_families_do_not_meet() -> None:
    table = Table()
    table.add(at(ANY[6], 7))
    assert table.find(OURS[4], 7, THEIRS[4], 1) is None
    assert table.is_free(ANY[4], 7)
    assert not table.is_free(OURS[6], 7)


@pytest.mark.parametrize(
    ("there", "wanted", "free"),
    [(ANY[4], ANY[4], False), (ANY[4], OURS[4], False), (OURS[4], ANY[4], False), (OURS[4], ALSO_OURS, True)],
)
def test_who_may_have_a_port(there: bytes, wanted: bytes, free: bool) -> None:
    table = Table()
    table.add(at(there, 7, reuse=True))
    assert table.is_free(wanted, 7) is free
    assert table.is_free(wanted, 7, reuse=True)
    assert table.is_free(wanted, 8)
    table.add(at(there, 7))
    assert table.is_free(wanted, 7, reuse=True) is free


# ICMP


def report(kind: IcmpKind, code: int = 0, family: int = 4) -> Error:
    return Error(kind, code, 0, quoted.Quoted(OURS[family], THEIRS[family], 100, 17, memoryview(bytes(8))))


@pytest.mark.parametrize(
    ("family", "kind", "code", "hard"),
    [
        (4, IcmpKind.UNREACHABLE_PORT, 3, True),
        (4, IcmpKind.UNREACHABLE_PROTOCOL, 2, True),
        (4, IcmpKind.UNREACHABLE_NET, 0, False),
        (4, IcmpKind.UNREACHABLE_HOST, 1, False),
        (4, IcmpKind.UNREACHABLE_HOST, 7, True),
        (4, IcmpKind.ADMIN_PROHIBITED, 13, True),
        (4, IcmpKind.UNREACHABLE_HOST, 16, False),
        (4, IcmpKind.SOURCE_ROUTE_FAILED, 5, False),
        (4, IcmpKind.TIME_EXCEEDED, 0, False),
        (4, IcmpKind.SOURCE_QUENCH, 0, False),
        (4, IcmpKind.PARAMETER_PROBLEM, 0, True),
        (4, IcmpKind.FRAGMENTATION_NEEDED, 4, True),
        (6, IcmpKind.UNREACHABLE_PORT, 4, True),
        (6, IcmpKind.UNREACHABLE_NET, 0, False),
        (6, IcmpKind.UNREACHABLE_HOST, 3, False),
        (6, IcmpKind.ADMIN_PROHIBITED, 1, True),
        (6, IcmpKind.UNREACHABLE_PROTOCOL, 1, True),
        (6, IcmpKind.FRAGMENTATION_NEEDED, 0, True),
    ],
)
def test_hard_errors_are_told_to_who_is_connected(family: int, kind: IcmpKind, code: int, hard: bool) -> None:
    error = report(kind, code, family)
    connected = at(OURS[family], 7, THEIRS[family], 9)
    assert connected.on_icmp(error) is hard
    assert connected.error is (error if hard else None)
    unconnected = at(OURS[family], 7)
    assert not unconnected.on_icmp(error)
    assert unconnected.error is None


def test_too_big_is_no_error_where_everything_may_be_cut() -> None:
    one = at(OURS[4], 7, THEIRS[4], 9)
    one.discovery = Discovery.DONT
    assert not one.on_icmp(report(IcmpKind.FRAGMENTATION_NEEDED, 4))


# Sending


def layer(mtu: int = 1500) -> Ip:
    addresses = ((OURS[4], 24), (OURS[6], 64))
    return Ip(IpConfig(), addresses, mtu, 64, lambda n: hashlib.shake_128(b"udp").digest(n), lambda name: None)


def sent(ip: Ip) -> list[bytes]:
    packets = []
    while (packet := ip.poll_transmit()) is not None:
        packets.append(bytes(packet))
    return packets


@FAMILIES
def test_the_largest_datagram(family: int) -> None:
    ip = layer()
    one = at(OURS[family], 7)
    most = most_data(OURS[family])
    assert most == (65_507 if family == 4 else 65_527)
    one.send(ip, bytes(most), OURS[family], THEIRS[family], 9, 0)
    assert len(sent(ip)) == (45 if family == 4 else 46)
    with pytest.raises(MessageTooLong):
        one.send(ip, bytes(most + 1), OURS[family], THEIRS[family], 9, 0)
    assert sent(ip) == []


DF, MF = 0x40, 0x20


@pytest.mark.parametrize(
    ("discovery", "fits", "over_path", "over_device"),
    [
        (Discovery.DONT, [0], [MF, 0], [MF, MF, 0]),
        (Discovery.WANT, [DF], [MF, 0], [MF, MF, 0]),
        (Discovery.DO, [DF], None, None),
        (Discovery.PROBE, [DF], [DF], None),
        (Discovery.INTERFACE, [0], [0], None),
        (Discovery.OMIT, [0], [0], [MF, 0]),
    ],
)
def test_each_way_of_path_mtu_discovery(
    discovery: Discovery, fits: list[int], over_path: list[int] | None, over_device: list[int] | None
) -> None:
    """The device takes 1500 bytes, the path 1000."""
    ip = layer()
    assert ip.pmtu.lower(THEIRS[4], 1000, 0)
    one = at(OURS[4], 7)
    one.discovery = discovery
    for size, expected in ((1000, fits), (1001, over_path), (2000, over_device)):
        data = bytes(size - 28)
        if expected is None:
            with pytest.raises(MessageTooLong):
                one.send(ip, data, OURS[4], THEIRS[4], 9, 0)
            assert sent(ip) == []
        else:
            one.send(ip, data, OURS[4], THEIRS[4], 9, 0)
            assert [packet[6] & (DF | MF) for packet in sent(ip)] == expected


def test_no_path_mtu_below_1280_for_ipv6() -> None:
    ip = layer()
    assert ip.pmtu.lower(THEIRS[6], 1280, 0)
    one = at(OURS[6], 7)
    one.send(ip, bytes(1280 - 48), OURS[6], THEIRS[6], 9, 0)
    one.send(ip, bytes(1280 - 47), OURS[6], THEIRS[6], 9, 0)
    assert [len(p) for p in sent(ip)] == [1280, 1280, 57]
    assert ipv4.HEADER_BYTES + 8 == 28
