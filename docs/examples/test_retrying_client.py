"""A client that tries again meets bad links: what TCP mends by itself, what the client has to, and what nobody can."""

import pytest
import trio

from pystack.sim import Network
from pystack.testing import HostPair

ANSWER = bytes(range(256)) * 400  # 102,400 bytes


# What is tested. It knows nothing of pystack, and runs on the kernel's TCP as well.


async def fetch(host: str, attempts: int = 4, patience: float = 10) -> bytes:
    """A server's answer. An attempt that fails, or takes longer than `patience` seconds, is followed by another: after
    1 second, then 2, then 4.
    """
    for attempt in range(attempts):
        await trio.sleep(2 ** (attempt - 1) if attempt else 0)
        try:
            with trio.fail_after(patience):
                return await ask(host)
        except (OSError, trio.BrokenResourceError, trio.TooSlowError):
            pass
    raise ConnectionError(f"{host} has not answered {attempts} times")


async def ask(host: str) -> bytes:
    async with await trio.open_tcp_stream(host, 8000) as stream:
        await stream.send_all(b"please\n")
        return b"".join([part async for part in stream])


# Whom it asks.


async def server() -> None:
    async def answer(stream: trio.SocketStream) -> None:
        async with stream:
            try:
                await stream.receive_some()
                await stream.send_all(ANSWER)
            except trio.BrokenResourceError:
                pass  # the client has gone; there are others

    await trio.serve_tcp(answer, 8000)


# The tests. Each run of one is the same as the last, to the byte.


@pytest.mark.parametrize("run", range(10))  # ten tests, and so ten seeds
@pytest.mark.parametrize("host_pair", [{"loss": "10%", "rate": "10 Mbit/s"}], indirect=True)
def test_loss_is_the_business_of_tcp(lab: Network, host_pair: HostPair, run: int) -> None:
    a, b, link = host_pair

    async def main() -> None:
        b.start_soon(server)
        await trio.sleep(1)
        assert await a.run(fetch, "b") == ANSWER

    lab.run(main)
    assert link.total.lost > 0
    assert a.metrics["TcpActiveOpens"] == 1, "one attempt was enough"


def test_a_cable_that_is_out_for_twenty_seconds(lab: Network, host_pair: HostPair) -> None:
    a, b, link = host_pair

    async def main() -> float:
        b.start_soon(server)
        link.cut()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(heal)
            assert await a.run(fetch, "b") == ANSWER
            return trio.current_time()

    async def heal() -> None:
        await trio.sleep(20)
        link.heal()

    ended = lab.run(main)
    assert 23 < ended < 24, "attempts begin at 0, 11 and 23 seconds"
    assert b.metrics["TcpPassiveOpens"] == 1, "of the first two nothing has arrived"


@pytest.mark.parametrize("host_pair", [{"faults": "in:reset=50kB"}], indirect=True)
def test_a_server_that_always_resets_in_mid_response(lab: Network, host_pair: HostPair) -> None:
    a, b, _ = host_pair

    async def main() -> float:
        b.start_soon(server)
        await trio.lowlevel.checkpoint()
        with pytest.raises(ConnectionError, match="has not answered 4 times"):
            await a.run(fetch, "b")
        return trio.current_time()

    assert 7 < lab.run(main) < 8, "it fails at once each time, and waits for 1, 2 and 4 seconds"
    assert b.metrics["TcpPassiveOpens"] == 4
