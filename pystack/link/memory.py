"""A cable in memory: two devices for trio programs that need no kernel, as fast or slow as trio's clock says."""

import errno
import math
from collections import deque
from collections.abc import Sequence

import trio

from pystack.link.device import DeviceLost
from pystack.wire.buffers import Buffer
from pystack.wire.packet import Packet

_NS_PER_S = 1_000_000_000
_POISON = b"\xdd"


def memory_pair(
    mtu: int = 1500, delay_ns: int = 0, capacity: int = 10_000, poison: bool = False
) -> tuple["MemoryDevice", "MemoryDevice"]:
    """Make two devices of which each reads what the other writes, `delay_ns` later on trio's clock.

    `capacity` is how many packets may be under way in each direction; one more is dropped and counted. With
    `poison` the reader gets views of buffers that turn to 0xDD at its next read, which finds whoever keeps one.
    """
    a, b = (
        MemoryDevice("mem-a", mtu, delay_ns, capacity, poison),
        MemoryDevice("mem-b", mtu, delay_ns, capacity, poison),
    )
    a._peer, b._peer = b, a
    return a, b


class MemoryDevice:
    """One end of a `memory_pair`. `drops` counts the packets written here that found the way to the other end full."""

    def __init__(self, name: str, mtu: int, delay_ns: int, capacity: int, poison: bool) -> None:
        self.name = name
        self.mtu = mtu
        self.drops = 0
        self._delay = delay_ns / _NS_PER_S
        self._capacity = capacity
        self._poison = poison
        self._peer: MemoryDevice = self
        self._inbox: deque[tuple[float, bytes]] = deque()  # (due on trio's clock, packet); due never falls
        self._lent: list[bytearray] = []
        self._waiting: trio.CancelScope | None = None
        self._closed = False
        self._changes = trio.lowlevel.ParkingLot()

    def read_batch(self, limit: int) -> Sequence[Buffer]:
        """Take up to `limit` packets that have arrived. Raises DeviceLost once closed."""
        self._spoil_lent()
        self._check_open()
        packets: list[bytes] = []
        if self._inbox:
            now = trio.current_time()
            while self._inbox and len(packets) < limit and self._inbox[0][0] <= now:
                packets.append(self._inbox.popleft()[1])
        if not self._poison:
            return packets
        self._lent = [bytearray(packet) for packet in packets]
        return [memoryview(buffer).toreadonly() for buffer in self._lent]

    def write(self, packet: Packet) -> None:
        """Send one packet to the other end.

        Raises OSError EMSGSIZE where a packet that is no super-segment exceeds the MTU, and DeviceLost once closed.
        What is written to an end whose peer is closed is lost, as on a cable that nobody holds.
        """
        self._check_open()
        data = bytes(packet)
        if len(data) > self.mtu and not packet.gso_size:
            raise OSError(errno.EMSGSIZE, f"a packet of {len(data)} bytes on {self.name}, whose MTU is {self.mtu}")
        if not self._peer._deliver(trio.current_time() + self._delay, data):
            self.drops += 1

    async def wait_readable(self) -> None:
        """Wait until a packet has arrived. Raises DeviceLost when closed, before or during the wait."""
        self._check_open()
        if self._waiting is not None:
            raise trio.BusyResourceError(f"another task waits for {self.name} already")
        # One scope serves all: the first packet under way moves its deadline to when it is due, closing cancels it.
        with trio.CancelScope(deadline=self._inbox[0][0] if self._inbox else math.inf) as self._waiting:
            try:
                await trio.sleep_forever()
            finally:
                self._waiting = None
        self._check_open()

    async def wait_changed(self) -> None:
        """Wait until `set_mtu` is called, or the device closed: then raises DeviceLost."""
        self._check_open()
        await self._changes.park()
        self._check_open()

    def set_mtu(self, mtu: int) -> None:
        """Change the MTU of this end while it is in use."""
        self.mtu = mtu
        self._changes.unpark_all()

    def close(self) -> None:
        """Close this end and wake its reader; packets under way to it are lost."""
        self._spoil_lent()
        self._closed = True
        self._inbox.clear()
        if self._waiting is not None:
            self._waiting.cancel()
        if self._changes:
            self._changes.unpark_all()

    def _deliver(self, due: float, data: bytes) -> bool:
        if self._closed:
            return True
        if len(self._inbox) >= self._capacity:
            return False
        self._inbox.append((due, data))
        if self._waiting is not None and len(self._inbox) == 1:
            self._waiting.deadline = due
        return True

    def _spoil_lent(self) -> None:
        for buffer in self._lent:
            buffer[:] = _POISON * len(buffer)
        self._lent = []

    def _check_open(self) -> None:
        if self._closed:
            raise DeviceLost(errno.ENETDOWN, f"the device {self.name} is closed")
