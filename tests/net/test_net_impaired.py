"""Two stacks with a bad path between them, in virtual time, and what a capture shows of it."""

import io

import pytest
import trio
from scapy.layers.inet import IP, TCP
from scapy.utils import PcapNgReader
from two_hosts import entropy
from two_stacks import LEFT_V4, RIGHT_V4, run

import pystack
from pystack.link.device import DeviceLost
from pystack.link.impair import PathImpairments
from pystack.link.memory import memory_pair

BAD = "loss=3%,delay=20ms,jitter=5ms,reorder=2%,dup=2%,corrupt=1%;out:rate=100Mbit;seed=7"


async def fetch(
    impair: PathImpairments | str | None, size: int, capture: io.BytesIO | None = None
) -> tuple[float, dict]:
    """Both ways at once; returns how long it took, and the counters of the impaired stack."""
    left, right = memory_pair(poison=True)
    data = bytes(n * 7 % 251 for n in range(size))
    async with (
        pystack.open_device(right, [f"{RIGHT_V4}/24"], entropy=entropy("right")) as server,
        pystack.open_device(left, [f"{LEFT_V4}/24"], entropy=entropy("left"), impair=impair, capture=capture) as client,
    ):
        (listener,) = await server.open_tcp_listeners(80)
        began = trio.current_time()
        async with trio.open_nursery() as nursery:

            async def send(stream: trio.SocketStream) -> None:
                await stream.send_all(data)
                await stream.send_eof()

            async def serve() -> None:
                stream = await listener.accept()
                nursery.start_soon(send, stream)
                assert b"".join([part async for part in stream]) == data

            nursery.start_soon(serve)
            stream = await client.open_tcp_stream(RIGHT_V4, 80)
            nursery.start_soon(send, stream)
            assert b"".join([part async for part in stream]) == data
        return trio.current_time() - began, client.metrics


def test_a_transfer_over_a_bad_path_is_intact() -> None:
    found = []

    async def main() -> None:
        found.append(await fetch(BAD, 500_000))

    run(main)
    ((seconds, counters),) = found
    assert seconds > 0.04, "a round trip at least"
    assert counters["TcpRetransSegs"] > 0
    assert counters.get("TcpInCsumErrors", 0) + counters.get("IpInHdrErrors", 0) > 0


def test_a_capture_shows_what_the_stack_sees() -> None:
    """A SYN when it is sent, and its answer when it has come through."""
    file = io.BytesIO()

    async def main() -> None:
        seconds, _ = await fetch("in:delay=300ms;out:loss=0", 10, file)
        assert 0.6 <= seconds < 1, "the two flights that come to the client"

    run(main)
    file.seek(0)
    packets = [IP(bytes(read)) for read in PcapNgReader(file)]
    assert [str(p[TCP].flags) for p in packets[:3]] == ["S", "SA", "A"]


def test_all_is_lost_on_the_way_out() -> None:
    file = io.BytesIO()

    async def main() -> None:
        left, _ = memory_pair()
        async with pystack.open_device(left, [f"{LEFT_V4}/24"], impair="out:loss=1", capture=file) as client:
            with pytest.raises(TimeoutError):
                await client.open_tcp_stream(RIGHT_V4, 80)

    run(main)
    file.seek(0)
    packets = [IP(bytes(read)) for read in PcapNgReader(file)]
    assert {str(p[TCP].flags) for p in packets} == {"S"}, "sent, as far as the stack can see"
    assert len(packets) > 3


def test_resets_at_the_end_still_get_out() -> None:
    class Boom(Exception):
        pass

    async def main() -> None:
        left, right = memory_pair()
        peers = []

        async def leave_in_anger(listener: trio.SocketListener) -> None:
            async with pystack.open_device(left, [f"{LEFT_V4}/24"], impair="delay=50ms") as client:
                stream = await client.open_tcp_stream(RIGHT_V4, 80)
                await stream.send_all(b"x")
                peers.append(await listener.accept())
                assert await peers[0].receive_some() == b"x"
                raise Boom

        async with pystack.open_device(right, [f"{RIGHT_V4}/24"]) as server:
            (listener,) = await server.open_tcp_listeners(80)
            with pytest.raises(Boom):
                await leave_in_anger(listener)
            with pytest.raises(trio.BrokenResourceError):
                await peers[0].receive_some()

    run(main)


def test_a_device_that_goes_away_is_lost_through_the_path_too() -> None:
    async def lose() -> None:
        left, _ = memory_pair()
        async with pystack.open_device(left, [f"{LEFT_V4}/24"], impair="delay=50ms"):
            left.close()
            await trio.sleep_forever()

    async def main() -> None:
        with pytest.raises(DeviceLost):
            await lose()

    run(main)


@pytest.mark.parametrize("opener", [pystack.open_tun, lambda **k: pystack.open_device(memory_pair()[0], [], **k)])
def test_what_are_no_impairments(opener) -> None:  # type: ignore[no-untyped-def]
    async def main() -> None:
        with pytest.raises(ValueError, match="there is no los"):
            async with opener(impair="los=3%"):
                pass

    run(main)


def test_without_impairments_the_device_is_the_stacks_own() -> None:
    async def main() -> None:
        left, _ = memory_pair()
        async with pystack.open_device(left, [f"{LEFT_V4}/24"]) as net:
            assert net._driver.device is left

    run(main)
