"""Any device, behind a bad path: packets are lost, late, damaged, twice or out of order."""

import logging
import math
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial
from itertools import islice
from typing import Final

import trio

from pystack.link.counts import Counts
from pystack.link.crossing import Fault
from pystack.link.device import Device, DeviceLost
from pystack.link.entropy import stream
from pystack.link.impair import PathImpairments
from pystack.link.path import Path
from pystack.wire.buffers import Buffer
from pystack.wire.packet import Packet

_log = logging.getLogger(__name__)

MOST_HELD: Final = 64 << 20
"""Bytes that may be under way in one direction: half a second at a gigabit."""
_BATCH: Final = 64
_LATE_NS: Final = 1000
"""We wake so much later, so that rounding to trio's float seconds cannot wake us before a packet is due."""


class ImpairedDevice:
    """Passes everything on to and from `device`, over a path with these impairments and `faults`. `clock` gives
    nanoseconds at the pace of trio's clock. At most `most` bytes are held in each direction; `inbound` and `outbound`
    count.

    There is no task of its own: what is due goes out whenever somebody writes, reads or waits for the device, as the
    pump always does. A packet that the device refuses when it is due is lost and counted. Closing hands over what is
    still on its way out, early rather than never: the resets of the end are among it.
    """

    def __init__(
        self,
        device: Device,
        impairments: PathImpairments,
        clock: Callable[[], int],
        most: int = MOST_HELD,
        faults: Iterable[Fault] = (),
    ) -> None:
        streams = partial(stream, impairments.seed, "out"), partial(stream, impairments.seed, "in")
        self.path = Path(impairments.outbound, impairments.inbound, streams, faults, most)
        self._device = device
        self._clock = clock
        self._alarm: trio.CancelScope | None = None
        self._closed = False

    @property
    def inbound(self) -> Counts:
        """What became of what comes to the stack."""
        return self.path.back.counts

    @property
    def outbound(self) -> Counts:
        """What became of what the stack sends."""
        return self.path.forward.counts

    @property
    def name(self) -> str:
        return self._device.name

    @property
    def mtu(self) -> int:
        return self._device.mtu

    def read_batch(self, limit: int) -> Sequence[Buffer]:
        """Take up to `limit` packets that have come through. Raises DeviceLost, and what was under way is lost too."""
        now = self._clock()
        self._take_in(limit, now)
        self._send_due(now)  # faults may have answered what came
        return list(islice(self.path.back.due(now), limit))

    def write(self, packet: Packet) -> None:
        """Put one packet on its way out. Raises what the device does about a packet that is due now."""
        if self._closed:
            self._device.write(packet)  # which says so
        now, expected = self._clock(), self.path.next_due
        self._send_due(now)
        self.path.put(packet, is_back=False, now=now)
        for due in self.path.forward.due(now):
            self._device.write(Packet((due,)))
        if self.path.next_due != expected:
            self._set_alarm(now)

    async def wait_readable(self) -> None:
        """Wait until a packet has come through; what is due meanwhile goes out."""
        if self._alarm is not None:
            raise trio.BusyResourceError(f"another task waits for {self.name} already")
        while True:
            now = self._clock()
            self._send_due(now)
            if self.path.back.rank(now) is not None:
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
            self.path.forward.clear()
            self.path.back.clear()
            _log.info("the impaired path of %s, in: %s; out: %s", self.name, self.inbound, self.outbound)
        self._device.close()

    def _take_in(self, limit: int, now: int) -> None:
        for packet in self._device.read_batch(limit):
            self.path.put(Packet((packet,)), is_back=True, now=now)

    def _send_due(self, now: float) -> None:
        for packet in self.path.forward.due(now):
            try:
                self._device.write(Packet((packet,)))
            except DeviceLost:
                raise
            except OSError:
                self.outbound.refused += 1

    def _set_alarm(self, now: int) -> None:
        """Has whoever waits wake when the next packet is due in either direction."""
        if self._alarm is None:
            return
        due = self.path.next_due
        self._alarm.deadline = math.inf if due is None else trio.current_time() + (due - now + _LATE_NS) / 1e9
