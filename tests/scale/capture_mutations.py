"""Copies of a capture in which packets of ours are broken, to see that the audit finds just these."""

from collections.abc import Callable, Sequence

from capture_audit import ERRORS, segment_of
from capture_frames import ICMP, ICMPV6, TCP, UDP, Frame, pseudo, read

CHECKSUM_AT = {TCP: 16, UDP: 6, ICMP: 2, ICMPV6: 2}
SYN_ACK, ACK = 0x12, 0x10

Break = Callable[[bytearray, int], None]
"""Changes a packet whose transport begins there."""


def _protocol(data: bytes | bytearray) -> int:
    return data[9] if data[0] >> 4 == 4 else data[6]


def _is_error(data: bytes, at: int) -> bool:
    return _protocol(data) in ERRORS and (data[at], data[at + 1]) in ERRORS[_protocol(data)]


def _is_tcp(flags: int) -> Callable[[bytes, int], bool]:
    return lambda data, at: _protocol(data) == TCP and data[at + 13] == flags and segment_of(data[at:]) is not None


def _acknowledge(more: int) -> Break:
    def change(data: bytearray, at: int) -> None:
        ack = int.from_bytes(data[at + 8 : at + 12], "big") + more
        data[at + 8 : at + 12] = (ack % (1 << 32)).to_bytes(4, "big")

    return change


def _flip(offset: int, bit: int = 1) -> Break:
    def change(data: bytearray, at: int) -> None:
        data[at + offset] ^= bit

    return change


def _flip_last(data: bytearray, at: int) -> None:
    data[-1] ^= 1


def _shorten(data: bytearray, at: int) -> None:
    del data[-4:]
    if data[0] >> 4 == 4:
        data[2:4] = len(data).to_bytes(2, "big")
        data[10:12] = bytes(2)
        data[10:12] = _complement(bytes(data[:20]))
    else:
        data[4:6] = (len(data) - 40).to_bytes(2, "big")


BREAKS: Sequence[tuple[Callable[[bytes, int], bool], Break, bool]] = (
    (_is_tcp(0x18), _flip_last, False),  # a byte of text, so that the checksum is wrong
    (_is_tcp(ACK), _flip(16), False),
    (_is_tcp(ACK), _acknowledge(1 << 20), True),
    (_is_tcp(ACK), _acknowledge(-1000), True),
    (_is_tcp(SYN_ACK), _acknowledge(1), True),
    (_is_error, _flip(8), True),
    (_is_error, _flip(35), True),
    (_is_error, _flip(1, 64), True),
    (_is_error, _flip(5), True),
    (_is_error, _flip(2), False),
    (_is_error, _shorten, True),
    (lambda data, at: _protocol(data) == UDP, _flip(5), True),
    (lambda data, at: _protocol(data) in (ICMP, ICMPV6) and data[at] in (0, 129), _flip(4), True),
    (lambda data, at: data[0] == 0x45, lambda data, at: _flip(11)(data, 0), False),
)
"""Which packet, what is changed, and whether the transport's checksum is made right again."""


def mutations(captured: Sequence[Frame], first: int) -> tuple[list[Frame], list[int]]:
    """The same capture with a packet of ours broken in each way, the first one after frame `first` in IPv4 and in IPv6
    that can be, and the numbers of these.
    """
    broken = list(captured)
    numbers: set[int] = set()
    for fits, change, summed in BREAKS:
        for version in (4, 6):
            for frame in captured[first:]:
                data = frame.data
                at = 20 if version == 4 else 40
                if not frame.ours or data[0] >> 4 != version or frame.number in numbers or _protocol(data) == 44:
                    continue
                if data[0] >> 4 == 4 and int.from_bytes(data[6:8], "big") & 0x3FFF:
                    continue
                if fits(data, at):
                    copy = bytearray(data)
                    change(copy, at)
                    if summed:
                        _resum(copy, at)
                    broken[frame.number - 1] = frame._replace(data=bytes(copy))
                    numbers.add(frame.number)
                    break
    return broken, sorted(numbers)


def _resum(data: bytearray, at: int) -> None:
    place = at + CHECKSUM_AT[_protocol(data)]
    data[place : place + 2] = bytes(2)
    ip = read(bytes(data))
    data[place : place + 2] = _complement((b"" if ip.protocol == ICMP else pseudo(ip)) + ip.payload)


def _complement(data: bytes) -> bytes:
    return (0xFFFF - int.from_bytes(data + bytes(len(data) & 1), "big") % 0xFFFF).to_bytes(2, "big")
