"""Any device, with a record of every packet that passes."""

import logging
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from pystack.link.device import Device
from pystack.wire.buffers import Buffer
from pystack.wire.packet import Packet

_log = logging.getLogger(__name__)

_FAILURES = (OSError, ValueError)
"""A full disk, and a file that its owner has closed."""


class PacketRecorder(Protocol):
    """What takes the record: a `PcapngWriter`, or whatever else wants to see each packet."""

    def write(self, packet: Buffer | Sequence[Buffer], now_ns: int, outbound: bool, comment: str = "") -> None:
        """Take one packet, whole or in pieces, all valid during the call only; `comment` says why it was sent."""

    def flush(self) -> None:
        """Make what was written visible to readers."""


class CapturingDevice:
    """Passes everything on to `device` and tells `recorder` each packet that was read, or written without an error.

    `clock` gives nanoseconds since 1970. A recorder that fails (a full disk) is given up: `failure` keeps its
    error, the log tells once, and the packets go on.
    """

    def __init__(self, device: Device, recorder: PacketRecorder, clock: Callable[[], int] = time.time_ns) -> None:
        self._device = device
        self._recorder = recorder
        self._clock = clock
        self.failure: OSError | ValueError | None = None

    @property
    def name(self) -> str:
        return self._device.name

    @property
    def mtu(self) -> int:
        return self._device.mtu

    def read_batch(self, limit: int) -> Sequence[Buffer]:
        """Read from the device and record what came."""
        packets = self._device.read_batch(limit)
        if packets:
            now_ns = self._clock()
            for packet in packets:
                self._record(packet, now_ns, outbound=False)
        else:
            self._flush()  # nothing to do for a moment: whoever follows the file sees all
        return packets

    def write(self, packet: Packet) -> None:
        """Write to the device and record what was taken."""
        self._device.write(packet)
        self._record(packet.pieces, self._clock(), outbound=True, comment=packet.reason)

    async def wait_readable(self) -> None:
        """Wait for the device."""
        await self._device.wait_readable()

    async def wait_changed(self) -> None:
        """Wait for another MTU."""
        await self._device.wait_changed()

    def close(self) -> None:
        """Close the device and flush the record, which stays its owner's to close."""
        self._device.close()
        self._flush()

    def _flush(self) -> None:
        if self.failure is None:
            try:
                self._recorder.flush()
            except _FAILURES as error:
                self._give_up(error)

    def _record(self, packet: Buffer | Sequence[Buffer], now_ns: int, outbound: bool, comment: str = "") -> None:
        if self.failure is not None:
            return
        try:
            self._recorder.write(packet, now_ns, outbound, comment)
        except _FAILURES as error:
            self._give_up(error)

    def _give_up(self, error: OSError | ValueError) -> None:
        self.failure = error
        _log.warning("the capture of %s stops here: %s", self.name, getattr(error, "strerror", None) or error)
