"""Faults, queues and MTUs on a device, in virtual time."""

from collections.abc import Awaitable, Callable, Iterable

import trio
from scapy.all import IP, UDP, Raw
from trio.testing import MockClock, wait_all_tasks_blocked

from pystack.link.codel import CoDel
from pystack.link.counts import Counts
from pystack.link.crossing import Crossing
from pystack.link.impair import Impairments, PathImpairments
from pystack.link.impaired import ImpairedDevice
from pystack.link.memory import MemoryDevice, memory_pair
from pystack.net.pump import trio_clock
from pystack.wire.packet import Packet

MS = 1_000_000


class Bounce:
    """Whatever begins with `!` is answered instead of passed on; `?` is late."""

    def cross(self, crossing: Crossing, now: int) -> Iterable[Crossing]:
        if crossing.packet.startswith(b"!"):
            return [Crossing(b"no" + crossing.packet, not crossing.is_back)]
        if crossing.packet.startswith(b"?"):
            return [crossing._replace(late=2000 * MS)]
        return [crossing]


def run(
    test: Callable[[ImpairedDevice, MemoryDevice], Awaitable[None]], impairments: PathImpairments | None = None
) -> None:
    async def main() -> None:
        near, far = memory_pair(poison=True)
        with trio.fail_after(1000):
            await test(ImpairedDevice(near, impairments or PathImpairments(), trio_clock, faults=[Bounce()]), far)

    trio.run(main, clock=MockClock(autojump_threshold=0))


def put(device: ImpairedDevice | MemoryDevice, *packets: bytes) -> None:
    for data in packets:
        device.write(Packet((data,)))


async def read(device: ImpairedDevice | MemoryDevice, seconds: float = 10) -> list[tuple[int, bytes]]:
    """What comes, and in which millisecond."""
    came: list[tuple[int, bytes]] = []
    with trio.move_on_after(seconds):
        while True:
            packets = device.read_batch(9)
            came += [(round(trio.current_time() * 1000), bytes(packet)) for packet in packets]
            if not packets:
                await device.wait_readable()
    return came


def test_an_answer_to_what_is_sent_wakes_the_reader() -> None:
    async def test(device: ImpairedDevice, far: MemoryDevice) -> None:
        async with trio.open_nursery() as nursery:

            @nursery.start_soon
            async def writer() -> None:
                await wait_all_tasks_blocked()
                put(device, b"!x", b"y", b"?z")

            @nursery.start_soon
            async def theirs() -> None:
                assert await read(far) == [(0, b"y"), (2000, b"?z")]

            assert await read(device) == [(0, b"no!x")]
        assert (device.inbound, device.outbound) == (Counts(sent=1), Counts(sent=2))

    run(test)


def test_an_answer_to_what_comes_goes_out_at_once() -> None:
    async def test(device: ImpairedDevice, far: MemoryDevice) -> None:
        put(far, b"!x", b"y")
        assert [bytes(packet) for packet in device.read_batch(9)] == [b"y"]
        assert [bytes(packet) for packet in far.read_batch(9)] == [b"no!x"]

    run(test)


def test_a_super_segment_is_written_as_wire_packets() -> None:
    async def test(device: ImpairedDevice, far: MemoryDevice) -> None:
        whole = bytes(IP(src="10.0.0.1", dst="10.0.0.2") / UDP(sport=1, dport=2) / Raw(bytes(250)))
        device.write(Packet((whole,), gso_size=100))
        assert [len(packet) for packet in far.read_batch(9)] == [128, 128, 78]

    run(test)


def test_a_managed_queue_empties_in_time() -> None:
    """Each comes when the line has sent it, though who waits asks only when told to."""

    async def test(device: ImpairedDevice, far: MemoryDevice) -> None:
        put(far, *[bytes([n]) * 1000 for n in range(20)], bytes(1001))
        came = await read(device)
        assert came == [(n + 1, bytes([n]) * 1000) for n in range(20)]
        assert device.inbound == Counts(sent=21, oversized=1)

    run(test, PathImpairments(inbound=Impairments(rate=8_000_000, aqm=CoDel(), mtu=1000)))
