import errno

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from pystack.link.device import DeviceLost
from pystack.link.memory import memory_pair
from pystack.wire.packet import Packet

MS = 1_000_000


def packet(data: bytes, gso_size: int = 0) -> Packet:
    return Packet((data[:1], memoryview(data)[1:]), gso_size=gso_size)


def test_each_end_reads_what_the_other_writes_in_order_and_at_most_the_limit() -> None:
    async def main() -> None:
        a, b = memory_pair()
        for data in (b"one", b"two", b"three"):
            a.write(packet(data))
        b.write(packet(b"back"))
        await b.wait_readable()
        assert b.read_batch(2) == [b"one", b"two"]
        assert b.read_batch(2) == [b"three"]
        assert b.read_batch(2) == []
        assert a.read_batch(9) == [b"back"]

    trio.run(main)


def test_a_delay_is_kept_on_trios_clock_even_while_a_reader_waits() -> None:
    async def main() -> None:
        a, b = memory_pair(delay_ns=250 * MS)
        seen: list[tuple[float, list[bytes]]] = []

        async def reader() -> None:
            while len(seen) < 2:
                await b.wait_readable()
                seen.append((round(trio.current_time(), 6), [bytes(data) for data in b.read_batch(9)]))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(reader)
            await wait_all_tasks_blocked()
            start = trio.current_time()
            a.write(packet(b"x"))
            assert b.read_batch(9) == []
            await trio.sleep(0.1)
            a.write(packet(b"y"))
        assert seen == [(round(start + 0.25, 6), [b"x"]), (round(start + 0.35, 6), [b"y"])]

    trio.run(main, clock=MockClock(autojump_threshold=0))


def test_a_full_way_drops_the_newest_packet_and_counts_it() -> None:
    async def main() -> None:
        a, b = memory_pair(capacity=2)
        for data in (b"1", b"2", b"3"):
            a.write(packet(data))
        assert (a.drops, b.drops) == (1, 0)
        assert b.read_batch(9) == [b"1", b"2"]

    trio.run(main)


def test_only_super_segments_may_exceed_the_mtu() -> None:
    async def main() -> None:
        a, b = memory_pair(mtu=576)
        a.write(packet(bytes(576)))
        a.write(packet(bytes(5000), gso_size=536))
        with pytest.raises(OSError) as caught:
            a.write(packet(bytes(577)))
        assert caught.value.errno == errno.EMSGSIZE
        assert [len(data) for data in b.read_batch(9)] == [576, 5000]

    trio.run(main)


def test_poisoned_buffers_turn_to_dd_at_the_next_read() -> None:
    async def main() -> None:
        a, b = memory_pair(poison=True)
        a.write(packet(b"payload"))
        (view,) = b.read_batch(9)
        assert isinstance(view, memoryview)
        assert view.readonly
        assert bytes(view) == b"payload"
        b.read_batch(9)
        assert bytes(view) == b"\xdd" * 7

    trio.run(main)


def test_closing_wakes_the_reader_with_device_lost_and_ends_every_use() -> None:
    async def main() -> None:
        a, b = memory_pair(delay_ns=MS)
        woken = []

        async def reader() -> None:
            try:
                await b.wait_readable()
            except DeviceLost as error:
                woken.append(error.errno)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(reader)
            await wait_all_tasks_blocked()
            b.close()
            b.close()
        assert woken == [errno.ENETDOWN]
        with pytest.raises(DeviceLost):
            b.read_batch(1)
        with pytest.raises(DeviceLost):
            b.write(packet(b"x"))
        with pytest.raises(DeviceLost):
            await b.wait_readable()
        a.write(packet(b"into the void"))
        assert a.drops == 0

    trio.run(main, clock=MockClock(autojump_threshold=0))


def test_a_second_waiting_task_is_told_so_and_a_cancelled_one_leaves_no_trace() -> None:
    async def main() -> None:
        a, b = memory_pair()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(b.wait_readable)
            await wait_all_tasks_blocked()
            with pytest.raises(trio.BusyResourceError):
                await b.wait_readable()
            nursery.cancel_scope.cancel()
        a.write(packet(b"x"))
        with trio.fail_after(1):
            await b.wait_readable()
        assert b.read_batch(1) == [b"x"]

    trio.run(main, clock=MockClock(autojump_threshold=0))
