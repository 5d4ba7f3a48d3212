"""The rooms of a host that need no packets: ports, deadlines, counters."""

import pytest

from pystack.stack.deadlines import Deadlines
from pystack.stack.endpoint import Endpoint
from pystack.stack.errors import AddressInUse, AddressNotAvailable
from pystack.stack.metrics import Metrics
from pystack.stack.ports import Ports

A4, B4 = bytes([10, 0, 0, 2]), bytes([192, 168, 7, 5])
ANY4, ANY6 = bytes(4), bytes(16)


def ports(first: int = 40000, last: int = 40003, start: int = 2) -> Ports:
    return Ports(first, last, lambda n: start.to_bytes(n, "big"))


def test_bound_ports_clash_with_the_same_address_and_the_wildcard() -> None:
    p = ports()
    assert p.bind(A4, 80) == 80
    for address in (A4, ANY4):
        with pytest.raises(AddressInUse):
            p.bind(address, 80)
    assert p.bind(B4, 80) == 80
    assert p.bind(ANY6, 80) == 80, "the families do not mix"
    p.release(A4, 80)
    p.release(B4, 80)
    assert p.bind(ANY4, 80) == 80
    with pytest.raises(AddressInUse):
        p.bind(A4, 80)
    p.release(A4, 81)


def test_port_zero_gives_a_free_one_from_a_random_start_on() -> None:
    p = ports()
    assert [p.bind(A4, 0) for _ in range(4)] == [40002, 40003, 40000, 40001]
    with pytest.raises(AddressInUse):
        p.bind(A4, 0)
    assert p.bind(B4, 0) == 40002
    with pytest.raises(AddressNotAvailable):
        p.ephemeral(lambda port: p.is_bound(4, port) is False)
    assert not p.is_bound(6, 40002)


class Clockwork:
    """Stands for a connection with a deadline."""

    def __init__(self, deadline: int | None) -> None:
        self.deadline = deadline

    def next_deadline(self) -> int | None:
        return self.deadline


def test_the_heap_of_deadlines() -> None:
    endpoints: dict[int, Endpoint] = {}
    deadlines = Deadlines(endpoints)

    def add(id_: int, at: int | None) -> Endpoint:
        endpoint = endpoints[id_] = Endpoint(id_, b"", Clockwork(at), b"", 0, b"", 0, 0, 64, 0)  # type: ignore[arg-type]
        deadlines.arm(endpoint)
        return endpoint

    one, two, never = add(1, 100), add(2, 50), add(3, None)
    assert deadlines.next() == 50
    two.connection.deadline = 300  # type: ignore[attr-defined]
    deadlines.arm(two)
    assert deadlines.next() == 50, "only moved when earlier"
    assert deadlines.take_due(60) == []
    assert deadlines.next() == 100, "put back at its time"
    never.connection.deadline = 10  # type: ignore[attr-defined]
    deadlines.arm(never)
    assert deadlines.take_due(100) == [never, one]
    del endpoints[2]
    assert deadlines.next() is None, "a closed connection is not kept alive"


def test_counters() -> None:
    m = Metrics()
    assert m["TcpInSegs"] == 0
    m.count("TcpInSegs")
    m.count("IpInReceives", 5)
    m.count("TcpInSegs", 2)
    assert m.snapshot() == {"IpInReceives": 5, "TcpInSegs": 3}
    assert list(m.snapshot()) == ["IpInReceives", "TcpInSegs"]
