"""What a packet or a call costs does not grow with how many connections and sockets there are."""

from collections.abc import Callable
from typing import Any

import pytest
from operations import operations
from stack_lab import PACKED, host

from pystack.stack.host import Host
from pystack.stack.ports import Ports

OURS = PACKED[4]
FEW, MANY = 10, 500


def peer(number: int) -> bytes:
    return bytes((10, 0, 1 + number // 200, 1 + number % 200))


def work(prepare: Callable[[int], Callable[[], object]]) -> tuple[int, int]:
    """What the call that `prepare` returns costs with few things around, and with many."""
    few, many = (operations(prepare(size)) for size in (FEW, MANY))
    assert few > 0
    return few, many


def host_with(connections: int) -> Host:
    stack = host(addresses=((OURS, 16), (PACKED[6], 64)))
    for number in range(connections):
        stack.connect(peer(number), 80, 0, local_port=1000 + number)
    return stack


def test_a_path_that_has_changed_is_a_matter_of_those_who_use_it() -> None:
    """ICMP errors come from anywhere, and many paths may become old at once."""

    def prepare(size: int) -> Callable[[], object]:
        stack = host_with(size)
        (endpoint,) = stack.connections.of_remote(peer(7))
        assert endpoint.remote == peer(7)
        return lambda: stack.connections.of_remote(peer(7))

    few, many = work(prepare)
    assert few == many


@pytest.mark.parametrize("address", [OURS, bytes(4)])
def test_whether_a_free_port_has_connections_is_known_at_once(address: bytes) -> None:
    def prepare(size: int) -> Callable[[], object]:
        stack = host_with(size)
        assert stack.connections.have_name(address, 1007)
        return lambda: stack.connections.have_name(address, 999)

    few, many = work(prepare)
    assert few == many


def test_the_indexes_forget() -> None:
    """All that is found by address or port goes with its last connection."""
    stack = host_with(3)
    stack.connect(peer(1), 81, 0, local_port=1001)
    for endpoint in stack.endpoints():
        stack.connections.remove(endpoint)
        stack.connections.remove(endpoint)
        assert endpoint not in stack.connections.of_remote(endpoint.remote)
    assert not any(stack.connections.have_name(bytes(4), port) for port in (1000, 1001, 1002))
    assert not stack.connections._by_remote
    assert not stack.connections._local_ports


@pytest.mark.parametrize("address", [OURS, bytes(4)])
@pytest.mark.parametrize("port", [7, 0])
def test_binding_does_not_look_at_all_names(address: bytes, port: int) -> None:
    def prepare(size: int) -> Callable[[], object]:
        ports = Ports(40_000, 40_001, bytes)
        for number in range(size):
            ports.bind(OURS, 1000 + number)
        return lambda: ports.bind(address, port)

    few, many = work(prepare)
    assert few == many


def shared_port(size: int) -> tuple[Host, list[Any]]:
    """A UDP server with a socket of its own for each client, on one port."""
    stack = host(addresses=((OURS, 16), (PACKED[6], 64)))
    made = []
    for number in range(size):
        endpoint = stack.datagrams.open(bytes(4))
        endpoint.reuse = True
        stack.datagrams.bind(endpoint, OURS, 7)
        stack.datagrams.connect(endpoint, peer(number), 9)
        made.append(endpoint)
    return stack, made


@pytest.mark.parametrize("client", [7, 1000], ids=["its own socket", "no socket"])
def test_a_datagram_does_not_look_at_all_sockets_of_its_port(client: int) -> None:
    def prepare(size: int) -> Callable[[], object]:
        stack, made = shared_port(size)
        table = stack.datagrams._table
        assert table.find(OURS, 7, peer(7), 9) is made[7]
        return lambda: table.find(OURS, 7, peer(client), 9)

    few, many = work(prepare)
    assert few == many


def test_a_socket_that_is_renamed_is_found_by_its_new_name_only() -> None:
    stack, made = shared_port(2)
    one, table = made[0], stack.datagrams._table
    stack.datagrams.connect(one, peer(5), 10)
    assert table.find(OURS, 7, peer(5), 10) is one
    assert table.find(OURS, 7, peer(0), 9) is None
    stack.datagrams.disconnect(one, keep_address=False, keep_port=True)
    assert (one.local, one.remote) == (bytes(4), None)
    assert table.find(OURS, 7, peer(0), 9) is one
    stack.datagrams.disconnect(one, keep_address=False, keep_port=False)
    assert table.find(OURS, 7, peer(0), 9) is None
    assert one.local_port == 0
    assert stack.datagrams.endpoints() == made[1:]
