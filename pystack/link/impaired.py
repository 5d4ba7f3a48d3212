"""Any device, behind a bad path: packets are lost, late, damaged, twice or out of order."""

import heapq
import logging
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from itertools import islice
from typing import Final

import trio

from pystack.link.device import Device, DeviceLost
from pystack.link.entropy import stream
from pystack.link.impair import Impairments, Passage, PathImpairments
from pystack.wire.buffers import Buffer
from pystack.wire.packet import Packet

_log = logging.getLogger(__name__)

MOST_HELD: Final = 64 << 20
"""Bytes that may be under way in one direction: half a second at a gigabit."""
_OVERHEAD: Final = 256
"""What a packet under way costs beside its bytes, at most."""
_BATCH: Final = 64
_LATE_NS: Final = 1000
"""We wake so much later, so that rounding to trio's float seconds cannot wake us before a packet is due."""


class Way:
    """One direction: what is under way, and `taken`, `lost`, `overflowed` and `refused` packets.

    `lost` are those that the impairments took, `overflowed` those (duplicates too) for which there was no room among
    the `most` bytes under way, `refused` those that the device did not take when they were due.
    """

    def __init__(self, impairments: Impairments, seed: int, direction: str, most: int) -> None:
        self.taken = self.lost = self.overflowed = self.refused = 0
        self._direction = direction
        self._passage = Passage(impairments, partial(stream, seed, direction))
        self._most = most
        self._held = 0
        self._under_way: list[tuple[int, int, Packet]] = []
        self._serial = 0

    @property
    def next_due(self) -> int | None:
        """When the next packet comes out, None where nothing is under way."""
        return self._under_way[0][0] if self._under_way else None

    def put(self, packet: Packet, now: int) -> None:
        """A packet goes in."""
        self.taken += 1
        fates = self._passage.take(bytes(packet), now)
        self.lost += not fates
        for at, data in fates:
            cost = len(data) + _OVERHEAD
            if self._held + cost > self._most:
                self.overflowed += 1
                continue
            self._held += cost
            self._serial += 1  # what is due at the same time comes out in the order in which it went in
            heapq.heappush(self._under_way, (at, self._serial, Packet((data,), packet.reason, packet.gso_size)))

    def due(self, now: float) -> Iterator[Packet]:
        """Takes what is due at `now`, in its order."""
        while self._under_way and self._under_way[0][0] <= now:
            packet = heapq.heappop(self._under_way)[2]
            self._held -= len(packet) + _OVERHEAD
            yield packet

    def clear(self) -> None:
        """What is under way is lost."""
        self._under_way.clear()
        self._held = 0

    def __str__(self) -> str:
        return (
            f"{self._direction}: {self.taken} packets, {self.lost} lost, "
            f"{self.overflowed} without room, {self.refused} refused by the device"
        )


class ImpairedDevice:
    """Passes everything on to and from `device`, over a path with these impairments. `clock` gives nanoseconds at the
    pace of trio's clock. At most `most` bytes are held in each direction; `inbound` and `outbound` count.

    There is no task of its own: what is due goes out whenever somebody writes, reads or waits for the device, as the
    pump always does. A packet that the device refuses when it is due is lost and counted. Closing hands over what is
    still on its way out, early rather than never: the resets of the end are among it.
    """

    def __init__(
        self, device: Device, impairments: PathImpairments, clock: Callable[[], int], most: int = MOST_HELD
    ) -> None:
        self.inbound = Way(impairments.inbound, impairments.seed, "in", most)
        self.outbound = Way(impairments.outbound, impairments.seed, "out", most)
        self._device = device
        self._clock = clock
        self._alarm: trio.CancelScope | None = None
        self._closed = False

    @property
    def name(self) -> str:
        return self._device.name

    @property
    def mtu(self) -> int:
        return self._device.mtu

    def read_batch(self, limit: int) -> Sequence[Buffer]:
        """Take up to `limit` packets that have come through. Raises DeviceLost, and what was under way is lost too."""
        now = self._clock()
        self._send_due(now)
        self._take_in(limit, now)
        return [packet.pieces[0] for packet in islice(self.inbound.due(now), limit)]

    def write(self, packet: Packet) -> None:
        """Put one packet on its way out. Raises what the device does about a packet that is due now."""
        if self._closed:
            self._device.write(packet)  # which says so
        now, expected = self._clock(), self.outbound.next_due
        self._send_due(now)
        self.outbound.put(packet, now)
        for due in self.outbound.due(now):
            self._device.write(due)
        if self.outbound.next_due != expected:
            self._set_alarm(now)

    async def wait_readable(self) -> None:
        """Wait until a packet has come through; what is due meanwhile goes out."""
        if self._alarm is not None:
            raise trio.BusyResourceError(f"another task waits for {self.name} already")
        while True:
            now = self._clock()
            self._send_due(now)
            coming = self.inbound.next_due
            if coming is not None and coming <= now:
                return
            with trio.CancelScope() as scope:
                self._alarm = scope
                self._set_alarm(now)
                try:
                    await self._device.wait_readable()
                finally:
                    self._alarm = None
            if not scope.cancelled_caught:
                self._take_in(_BATCH, self._clock())

    async def wait_changed(self) -> None:
        """Wait for another MTU."""
        await self._device.wait_changed()

    def close(self) -> None:
        """Close the device; what is on its way in is lost."""
        if not self._closed:
            self._closed = True
            with suppress(DeviceLost):
                self._send_due(math.inf)
            self.inbound.clear()
            self.outbound.clear()
            _log.info("the impaired path of %s, %s; %s", self.name, self.inbound, self.outbound)
        self._device.close()

    def _take_in(self, limit: int, now: int) -> None:
        for packet in self._device.read_batch(limit):
            self.inbound.put(Packet((packet,)), now)

    def _send_due(self, now: float) -> None:
        for packet in self.outbound.due(now):
            try:
                self._device.write(packet)
            except DeviceLost:
                raise
            except OSError:
                self.outbound.refused += 1

    def _set_alarm(self, now: int) -> None:
        """Has whoever waits wake when the next packet is due in either direction."""
        if self._alarm is None:
            return
        due = [at for way in (self.inbound, self.outbound) if (at := way.next_due) is not None]
        self._alarm.deadline = trio.current_time() + (min(due) - now + _LATE_NS) / 1e9 if due else math.inf
