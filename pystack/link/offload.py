"""Super-segments become wire packets, as segmentation offload makes them (Linux: GSO)."""

from pystack.wire import ipv4, ipv6, ipv6_extensions, tcp, udp
from pystack.wire.buffers import Buffer
from pystack.wire.checksum import finish, pseudo_sum, sum16
from pystack.wire.packet import Packet
from pystack.wire.tcp import CWR, FIN, PSH


def split(packet: Packet) -> list[bytes]:
    """The wire packets of `packet`, each with `gso_size` bytes of its payload but the last, and checksums of its own; a
    packet that is no super-segment (or not larger than one of its segments) is the only one.

    IPv4's identification counts up; TCP's sequence number goes on, the first alone has CWR (RFC 3168 section 6.1.2),
    the last alone has PSH and FIN; UDP's length is each datagram's own. Raises `ValueError` for anything that is
    neither TCP nor UDP, and `Malformed` for what is no packet.
    """
    data = bytes(packet)
    if not packet.gso_size:
        return [data]
    if data[0] >> 4 == ipv4.VERSION:
        header = ipv4.parse(data)
        protocol, src, dst, at = header.protocol, header.src, header.dst, header.header_length
    else:
        outer = ipv6.parse(data)
        chain = ipv6_extensions.walk(outer.protocol, outer.payload)
        protocol, src, dst, at = chain.protocol, outer.src, outer.dst, chain.at
    if protocol not in (tcp.PROTOCOL, udp.PROTOCOL):
        raise ValueError(f"a super-segment of protocol {protocol}, which is neither TCP nor UDP")
    text_at = at + ((data[at + 12] >> 4 << 2) if protocol == tcp.PROTOCOL else udp.HEADER_BYTES)
    view = memoryview(data)
    texts = [view[start : start + packet.gso_size] for start in range(text_at, len(data), packet.gso_size)]
    if len(texts) < 2:
        return [data]
    network, transport = data[:at], data[at:text_at]
    found = []
    for n, text in enumerate(texts):
        if protocol == tcp.PROTOCOL:
            head = _tcp_header(transport, n * packet.gso_size, n == 0, n == len(texts) - 1)
        else:
            head = transport[:4] + (len(transport) + len(text)).to_bytes(2, "big") + transport[6:]
        pseudo = pseudo_sum(src, dst, protocol, len(head) + len(text))
        found.append(
            b"".join((_ip_header(network, n, len(head) + len(text)), _summed(head, text, pseudo, protocol), text))
        )
    return found


def _ip_header(header: bytes, n: int, payload_length: int) -> bytes:
    """The header, with extensions and options, of the `n`th of the packets."""
    if header[0] >> 4 == ipv6.VERSION:
        length = len(header) - ipv6.HEADER_BYTES + payload_length
        return header[:4] + length.to_bytes(2, "big") + header[6:]
    identification = int.from_bytes(header[4:6], "big") + n & 0xFFFF
    total_length = len(header) + payload_length
    before = header[:2] + total_length.to_bytes(2, "big") + identification.to_bytes(2, "big") + header[6:10]
    after = header[12:]
    return before + finish(sum16(before) + sum16(after)).to_bytes(2, "big") + after


def _tcp_header(header: bytes, offset: int, is_first: bool, is_last: bool) -> bytes:
    seq = int.from_bytes(header[4:8], "big") + offset & 0xFFFFFFFF
    flags = header[13] & ~(0 if is_first else CWR) & ~(0 if is_last else FIN | PSH)
    return header[:4] + seq.to_bytes(4, "big") + header[8:13] + bytes([flags]) + header[14:]


def _summed(header: bytes, text: Buffer, pseudo: int, protocol: int) -> bytes:
    """The header with the checksum over it and the text, which begins on a word of its own."""
    at = 16 if protocol == tcp.PROTOCOL else 6
    checksum = finish(pseudo + sum16(header[:at]) + sum16(header[at + 2 :]) + sum16(text))
    if protocol == udp.PROTOCOL:
        checksum = checksum or 0xFFFF
    return header[:at] + checksum.to_bytes(2, "big") + header[at + 2 :]
