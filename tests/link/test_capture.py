import errno
import io
import logging
from collections.abc import Sequence

import pytest
import trio
from scapy.utils import PcapNgReader

from pystack.link.capture import CapturingDevice
from pystack.link.device import DeviceLost
from pystack.link.memory import memory_pair
from pystack.link.pcapng import PcapngWriter
from pystack.wire.buffers import Buffer
from pystack.wire.packet import Packet

NOW = 1_700_000_000_000_000_000


def test_what_passes_in_either_direction_is_recorded_once_and_passed_on() -> None:
    file = io.BytesIO()

    async def main() -> None:
        a, b = memory_pair(mtu=1400, poison=True)
        times = iter(range(NOW, NOW + 9))
        tapped = CapturingDevice(a, PcapngWriter(file, a.name), lambda: next(times))
        assert (tapped.name, tapped.mtu) == ("mem-a", 1400)
        assert tapped.read_batch(9) == []
        b.write(Packet((b"in-1",)))
        b.write(Packet((b"in-2",)))
        await tapped.wait_readable()
        assert [bytes(packet) for packet in tapped.read_batch(9)] == [b"in-1", b"in-2"]
        tapped.write(Packet((b"out", b"-1"), "retransmit"))
        with pytest.raises(OSError):
            tapped.write(Packet((bytes(1401),), "too large"))
        assert [bytes(packet) for packet in b.read_batch(9)] == [b"out-1"]
        tapped.close()
        with pytest.raises(DeviceLost):
            a.read_batch(1)

    trio.run(main)
    file.seek(0)
    rows = [(bytes(read), int(read.time * 10**9) - NOW, read.direction, read.comments) for read in PcapNgReader(file)]
    assert rows == [(b"in-1", 0, 1, None), (b"in-2", 0, 1, None), (b"out-1", 1, 2, [b"retransmit"])]


class FullDisk:
    def __init__(self) -> None:
        self.tries = 0

    def write(self, packet: Buffer | Sequence[Buffer], now_ns: int, outbound: bool, comment: str = "") -> None:
        self.tries += 1
        raise OSError(errno.ENOSPC, "No space left on device")

    def flush(self) -> None:
        raise AssertionError("a recorder that failed is left alone")


def test_a_full_disk_ends_the_capture_and_not_the_traffic(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        a, b = memory_pair()
        disk = FullDisk()
        tapped = CapturingDevice(a, disk)
        for _ in range(3):
            tapped.write(Packet((b"x",)))
        assert b.read_batch(9) == [b"x"] * 3
        tapped.close()
        assert disk.tries == 1
        assert tapped.failure is not None
        assert tapped.failure.errno == errno.ENOSPC

    with caplog.at_level(logging.WARNING):
        trio.run(main)
    assert caplog.messages == ["the capture of mem-a stops here: No space left on device"]
