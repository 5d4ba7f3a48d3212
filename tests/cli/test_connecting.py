"""Which of a host's addresses `pystack nc` gets its connection to, and when, in virtual time."""

import ipaddress
from collections.abc import Awaitable, Callable

import pytest
import trio
from trio.testing import MockClock

import pystack
from pystack.cli.connecting import connect_first
from pystack.link.memory import memory_pair
from pystack.net.stack import Net

HERE, OTHER, HERE6 = "10.9.0.2", "10.9.0.3", "fd00:9::2"
"""The server's addresses."""
HOLE, HOLE6, MORE6 = "10.9.0.77", "fd00:9::77", "fd00:9::78"
"""Nobody's addresses."""
PORT, CLOSED = 80, 81
WAIT = 127.0


def with_a_server(main: Callable[[Net], Awaitable[None]]) -> None:
    """Runs `main` with a stack beside another that listens on PORT of all of its addresses."""

    async def run() -> None:
        left, right = memory_pair(delay_ns=1_000_000)
        server = pystack.open_device(right, [f"{HERE}/24", f"{OTHER}/24", f"{HERE6}/64"])
        client = pystack.open_device(left, ["10.9.0.1/24", "fd00:9::1/64"])
        async with server as there, client as here:
            listeners = await there.open_tcp_listeners(PORT)
            with trio.fail_after(1000):
                await main(here)
            for listener in listeners:
                await listener.aclose()

    trio.run(run, clock=MockClock(autojump_threshold=0))


async def connected(net: Net, addresses: list[str], wait: float = WAIT, port: int = PORT) -> tuple[str, float]:
    """The address that took the connection, and how many seconds that took."""
    start = trio.current_time()
    sock = await connect_first(net, [ipaddress.ip_address(a) for a in addresses], port, wait)
    took = trio.current_time() - start
    assert len(net.inspect().connections) == 1, "the other attempts have gone"
    peer = sock.getpeername()[0]
    sock.close()
    return str(peer), took


@pytest.mark.parametrize(
    ("addresses", "taken", "seconds"),
    [
        ([HERE], HERE, 0),
        ([HERE, OTHER], HERE, 0),
        ([HOLE, HERE], HERE, 0.25),
        ([HOLE6, HERE], HERE, 0.25),
        ([HOLE6, HOLE, HERE], HERE, 0.5),
        ([HOLE6, MORE6, HERE], HERE, 0.25),  # the other IP version is next
        ([HOLE, HERE, HERE6], HERE6, 0.25),
    ],
)
def test_silence_costs_a_moment(addresses: list[str], taken: str, seconds: float) -> None:
    async def main(net: Net) -> None:
        peer, took = await connected(net, addresses)
        assert peer == taken
        assert took == pytest.approx(seconds, abs=0.01)

    with_a_server(main)


def test_a_refusal_costs_nothing() -> None:
    async def main(net: Net) -> None:
        start = trio.current_time()
        with pytest.raises(OSError) as caught:
            await connected(net, [HERE, OTHER, HERE6], port=CLOSED)
        assert trio.current_time() - start < 0.1
        refused = f"port {CLOSED}: Connection refused"
        assert str(caught.value) == f"{HERE} {refused}; {OTHER} {refused}; {HERE6} {refused}"

    with_a_server(main)


def test_a_short_wait_is_shared() -> None:
    async def main(net: Net) -> None:
        peer, took = await connected(net, [HOLE, HOLE6, MORE6, HERE], wait=0.4)
        assert peer == HERE
        assert took < 0.4

    with_a_server(main)


def test_the_wait_is_for_all_of_them() -> None:
    async def main(net: Net) -> None:
        start = trio.current_time()
        with pytest.raises(OSError) as caught:
            await connected(net, [HOLE, HERE, HOLE6], wait=3, port=CLOSED)
        assert trio.current_time() - start == pytest.approx(3)
        assert str(caught.value) == (
            f"{HOLE} port {CLOSED} did not answer within 3 s; {HERE} port {CLOSED}: Connection refused; "
            f"{HOLE6} port {CLOSED} did not answer within 3 s"
        )
        assert net.inspect().connections == ()

    with_a_server(main)


def test_an_address_of_a_version_that_the_stack_has_not_fails_alone() -> None:
    async def main(net: Net) -> None:
        peer, _ = await connected(net, ["2001:db8::1", HERE])
        assert peer == HERE

    with_a_server(main)
