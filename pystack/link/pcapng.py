"""Writing packet captures in the pcapng format (draft-ietf-opsawg-pcapng), for Wireshark and tshark.

One section, one interface of raw IP packets, times in nanoseconds, and per packet its direction and why it was sent.
"""

import struct
from collections.abc import Sequence
from typing import BinaryIO

from pystack.wire.buffers import Buffer

_SECTION_HEADER, _INTERFACE_DESCRIPTION, _ENHANCED_PACKET = 0x0A0D0D0A, 1, 6
_BYTE_ORDER_MAGIC = 0x1A2B3C4D
_LINKTYPE_RAW = 101
_OPT_COMMENT, _SHB_USERAPPL, _IF_NAME, _IF_TSRESOL, _EPB_FLAGS = 1, 4, 2, 9, 2
_NANOSECONDS = bytes([9])  # a resolution of 10^-9 s
_INBOUND, _OUTBOUND = 1, 2
_MAX_OPTION = 0xFFFF


class PcapngWriter:
    """Writes one capture to `file`, which stays the caller's to flush and close.

    `snaplen` is how many bytes of each packet are kept; 0 keeps all. Errors of the file (OSError) pass through.
    """

    def __init__(self, file: BinaryIO, interface_name: str, snaplen: int = 0) -> None:
        self._file = file
        self._snaplen = snaplen
        unknown_length = -1
        file.write(
            _block(
                _SECTION_HEADER,
                struct.pack("<IHHq", _BYTE_ORDER_MAGIC, 1, 0, unknown_length),
                _option(_SHB_USERAPPL, b"pystack"),
            )
        )
        file.write(
            _block(
                _INTERFACE_DESCRIPTION,
                struct.pack("<HHI", _LINKTYPE_RAW, 0, snaplen),
                _option(_IF_NAME, interface_name.encode()) + _option(_IF_TSRESOL, _NANOSECONDS),
            )
        )

    def write(self, packet: Buffer | Sequence[Buffer], now_ns: int, outbound: bool, comment: str = "") -> None:
        """Add one packet, whole or in pieces; `now_ns` counts nanoseconds since 1970."""
        data = bytes(packet) if isinstance(packet, (bytes, bytearray, memoryview)) else b"".join(packet)
        kept = data[: self._snaplen] if self._snaplen else data
        options = _option(_EPB_FLAGS, struct.pack("<I", _OUTBOUND if outbound else _INBOUND))
        if comment:
            options += _option(_OPT_COMMENT, comment.encode())
        header = struct.pack("<IIIII", 0, now_ns >> 32 & 0xFFFFFFFF, now_ns & 0xFFFFFFFF, len(kept), len(data))
        self._file.write(_block(_ENHANCED_PACKET, header + _padded(kept), options))

    def flush(self) -> None:
        """Push what the file buffers to the operating system."""
        self._file.flush()


def _block(kind: int, body: bytes, options: bytes) -> bytes:
    body += options + bytes(4)  # opt_endofopt
    length = struct.pack("<I", len(body) + 12)
    return struct.pack("<I", kind) + length + body + length


def _option(code: int, value: bytes) -> bytes:
    value = value[:_MAX_OPTION]
    return struct.pack("<HH", code, len(value)) + _padded(value)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)
