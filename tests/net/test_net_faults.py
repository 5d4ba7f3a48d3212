"""Faults before the device of a stack, in virtual time."""

import pytest
import trio
from trio.testing import wait_all_tasks_blocked
from two_hosts import entropy
from two_stacks import LEFT_V6, RIGHT_V6, run

import pystack
from pystack.link import faults
from pystack.link.impair import Impairments, PathImpairments
from pystack.link.memory import memory_pair


@pytest.mark.parametrize("given", ["in:drop=syn#1", [faults.Drop("syn", 1, direction="in")]])
def test_a_lost_syn_takes_a_second_and_impairments_come_on_top(given) -> None:  # type: ignore[no-untyped-def]
    async def main() -> None:
        left, right = memory_pair(poison=True)
        slow = PathImpairments(inbound=Impairments(delay=300_000_000))
        async with (
            pystack.open_device(
                right, [f"{RIGHT_V6}/64"], entropy=entropy("right"), impair=slow, faults=given
            ) as server,
            pystack.open_device(left, [f"{LEFT_V6}/64"], entropy=entropy("left")) as client,
        ):
            listeners = await server.open_tcp_listeners(80)
            await client.open_tcp_stream(RIGHT_V6, 80)
            assert 1.3 <= trio.current_time() < 1.4
            assert len(listeners) == 1

    run(main)


def test_a_reset_for_the_stack_wakes_it() -> None:
    """What comes back of a packet that the stack has sent is read though nothing has come from the device."""

    async def main() -> None:
        left, right = memory_pair()
        async with (
            pystack.open_device(right, [f"{RIGHT_V6}/64"], entropy=entropy("right")) as server,
            pystack.open_device(
                left, [f"{LEFT_V6}/64"], entropy=entropy("left"), faults="out:reset=0B/sender"
            ) as client,
        ):
            (listener,) = await server.open_tcp_listeners(80)
            stream = await client.open_tcp_stream(RIGHT_V6, 80)
            peer = await listener.accept()
            async with trio.open_nursery() as nursery:

                @nursery.start_soon
                async def reader() -> None:
                    with pytest.raises(trio.BrokenResourceError) as caught:
                        await stream.receive_some()
                    assert isinstance(caught.value.__cause__, ConnectionResetError)

                await wait_all_tasks_blocked()
                began = trio.current_time()
                await stream.send_all(b"x")
            assert trio.current_time() - began < 0.01
            await peer.aclose()

    run(main)


@pytest.mark.parametrize("opener", [pystack.open_tun, lambda **k: pystack.open_device(memory_pair()[0], [], **k)])
def test_what_are_no_faults(opener) -> None:  # type: ignore[no-untyped-def]
    async def main() -> None:
        with pytest.raises(ValueError, match="there is no loose"):
            async with opener(faults="loose=syn"):
                pass

    run(main)
