"""A device behind a bad path, in virtual time."""

import errno
from collections.abc import Awaitable, Callable

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from pystack.link.device import Device, DeviceLost
from pystack.link.impair import Impairments, PathImpairments
from pystack.link.impaired import ImpairedDevice
from pystack.link.memory import MemoryDevice, memory_pair
from pystack.net.pump import trio_clock
from pystack.wire.packet import Packet

MS = 1_000_000
Came = list[tuple[int, bytes]]


def path(seed: int = 0, **fields: float) -> PathImpairments:
    one = Impairments(**fields)  # type: ignore[arg-type]
    return PathImpairments(inbound=one, outbound=one, seed=seed)


def run(
    test: Callable[[ImpairedDevice, MemoryDevice], Awaitable[None]],
    impairments: PathImpairments,
    most: int = 1 << 20,
) -> None:
    async def main() -> None:
        near, far = memory_pair(poison=True)
        with trio.fail_after(1000):
            await test(ImpairedDevice(near, impairments, trio_clock, most), far)

    trio.run(main, clock=MockClock(autojump_threshold=0))


async def read_for(device: Device, seconds: float) -> Came:
    """What comes, and in which millisecond."""
    came: Came = []
    with trio.move_on_after(seconds):
        while True:
            packets = device.read_batch(3)
            came += [(round(trio.current_time() * 1000), bytes(packet)) for packet in packets]
            if not packets:
                await device.wait_readable()
    return came


def put(device: Device, *packets: bytes) -> None:
    for data in packets:
        device.write(Packet((data[:1], memoryview(data)[1:]), "data"))


def test_each_direction_has_its_delay() -> None:
    async def test(device: ImpairedDevice, far: MemoryDevice) -> None:
        put(far, b"a", b"b")
        put(device, b"x")
        async with trio.open_nursery() as nursery:

            @nursery.start_soon
            async def later() -> None:
                await trio.sleep(0.005)
                put(device, b"y")  # while the reader waits

            @nursery.start_soon
            async def theirs() -> None:
                assert await read_for(far, 1) == [(20, b"x"), (25, b"y")]

            assert await read_for(device, 1) == [(40, b"a"), (40, b"b")]

    run(test, PathImpairments(inbound=Impairments(delay=40 * MS), outbound=Impairments(delay=20 * MS)))


def test_without_impairments_nothing_waits() -> None:
    async def test(device: ImpairedDevice, far: MemoryDevice) -> None:
        put(far, *[bytes([n]) for n in range(7)])
        assert [bytes(p) for p in device.read_batch(4)] == [b"\0", b"\1", b"\2", b"\3"]
        assert [bytes(p) for p in device.read_batch(4)] == [b"\4", b"\5", b"\6"]
        put(device, b"x")
        assert [bytes(p) for p in far.read_batch(4)] == [b"x"]
        assert (device.name, device.mtu) == ("mem-a", 1500)

    run(test, path())


def test_more_than_asked_for_stays() -> None:
    """All are due at once, and a batch has three."""

    async def test(device: ImpairedDevice, far: MemoryDevice) -> None:
        put(far, *[bytes([n]) for n in range(10)])
        assert await read_for(device, 1) == [(40, bytes([n])) for n in range(10)]
        assert (device.inbound.sent, device.inbound.lost, device.inbound.overflowed) == (10, 0, 0)

    run(test, path(delay=40 * MS))


def everything(seed: int) -> tuple[Came, Came]:
    bad = path(seed, loss=0.2, delay=20 * MS, jitter=20 * MS, reorder=0.1, duplicate=0.1, corrupt=0.1, rate=1_000_000)
    found: dict[str, Came] = {}

    async def test(device: ImpairedDevice, far: MemoryDevice) -> None:
        async def read(which: Device) -> None:
            found[which.name] = await read_for(which, 10)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(read, device)
            await wait_all_tasks_blocked()
            nursery.start_soon(read, far)
            for n in range(200):
                put(far, n.to_bytes(2, "big") * 50)
                put(device, n.to_bytes(2, "big") * 50)
                await trio.sleep(0.002)
        for way in (device.inbound, device.outbound):
            assert way.sent == 200
            assert 20 < way.lost < 60
            assert way.overflowed == way.refused == way.dropped == 0

    run(test, bad)
    return found["mem-a"], found["mem-b"]


def test_the_same_seed_does_the_same() -> None:
    first = everything(7)
    assert first == everything(7)
    assert first != everything(8)
    assert first[0] != first[1], "each direction has its own draws"
    for came in first:
        assert 140 < len(came) < 200
        sent = [n.to_bytes(2, "big") * 50 for n in range(200)]
        assert any(data not in sent for _, data in came), "damaged"
        numbers = [sent.index(data) for _, data in came if data in sent]
        assert numbers != sorted(numbers), "overtaken"
        assert len(set(numbers)) < len(numbers), "twice"


def test_a_burst_is_reordered_without_any_delay() -> None:
    async def test(device: ImpairedDevice, far: MemoryDevice) -> None:
        sent = [bytes([n]) for n in range(100)]
        put(far, *sent)
        came = [data for _, data in await read_for(device, 1)]
        assert came != sent
        assert sorted(came) == sent

    run(test, path(reorder=0.1))


def test_what_is_under_way_is_bounded() -> None:
    async def test(device: ImpairedDevice, far: MemoryDevice) -> None:
        for which in (device, far):
            put(which, *[bytes(744)] * 9)  # with what each costs beside: 1000
        assert len(await read_for(device, 1)) == 5
        assert len(await read_for(far, 1)) == 5
        assert device.inbound.overflowed == device.outbound.overflowed == 4
        put(far, bytes(744))
        assert len(await read_for(device, 1)) == 1, "there is room again"

    run(test, path(delay=40 * MS), most=5000)


def test_closing_hands_over_what_is_on_its_way_out() -> None:
    async def test(device: ImpairedDevice, far: MemoryDevice) -> None:
        put(device, b"a", b"b")
        put(far, b"lost")
        assert device.read_batch(9) == []
        device.close()
        assert await read_for(far, 0.001) == [(0, b"a"), (0, b"b")]
        for call in (lambda: device.read_batch(1), lambda: put(device, b"c")):
            with pytest.raises(DeviceLost):
                call()
        with pytest.raises(DeviceLost):
            await device.wait_readable()
        device.close()

    run(test, path(delay=40 * MS))


def test_closing_wakes_the_reader() -> None:
    async def test(device: ImpairedDevice, far: MemoryDevice) -> None:
        async with trio.open_nursery() as nursery:

            @nursery.start_soon
            async def reader() -> None:
                with pytest.raises(DeviceLost):
                    await read_for(device, 1)

            @nursery.start_soon
            async def follower() -> None:
                with pytest.raises(DeviceLost):
                    await device.wait_changed()

            await wait_all_tasks_blocked()
            device.close()

    run(test, path(delay=40 * MS))


def test_the_device_is_lost_while_packets_are_under_way() -> None:
    async def test(device: ImpairedDevice, far: MemoryDevice) -> None:
        put(device, b"x")
        device._device.close()
        with pytest.raises(DeviceLost):
            device.read_batch(1)
        put(device, b"y")
        await trio.sleep(0.1)
        with pytest.raises(DeviceLost):
            put(device, b"z")
        device.close()

    run(test, path(delay=40 * MS))


def test_what_the_device_refuses() -> None:
    """At once where it goes at once; later there is nobody to be told."""

    async def at_once(device: ImpairedDevice, far: MemoryDevice) -> None:
        with pytest.raises(OSError) as caught:
            put(device, bytes(1501))
        assert caught.value.errno == errno.EMSGSIZE

    async def later(device: ImpairedDevice, far: MemoryDevice) -> None:
        put(device, bytes(1501), b"fits")
        assert await read_for(device, 1) == []
        assert await read_for(far, 1) == [(1000, b"fits")]
        assert device.outbound.refused == 1

    run(at_once, path())
    run(later, path(delay=40 * MS))


def test_a_new_mtu_is_told() -> None:
    async def test(device: ImpairedDevice, far: MemoryDevice) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(device.wait_changed)
            await wait_all_tasks_blocked()
            assert isinstance(device._device, MemoryDevice)
            device._device.set_mtu(1300)
        assert device.mtu == 1300

    run(test, path(delay=40 * MS))


def test_one_task_waits() -> None:
    async def test(device: ImpairedDevice, far: MemoryDevice) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(device.wait_readable)
            await wait_all_tasks_blocked()
            with pytest.raises(trio.BusyResourceError):
                await device.wait_readable()
            put(device, b"x")  # and the first one still has it sent when it is due
            assert await read_for(far, 0.1) == [(40, b"x")]
            nursery.cancel_scope.cancel()

    run(test, path(delay=40 * MS))
