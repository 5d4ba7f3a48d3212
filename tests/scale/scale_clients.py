"""Many kernel clients in one process, each a connection; they run inside the namespace of a served stack."""

import errno
import random
import selectors
import socket
import struct
import time

from pystack.wire.checksum import finish, pseudo_sum, sum16

TCP_INFO_RETRANSMITS = 2
TCP_INFO_TOTAL_RETRANS = 100
"""Where `struct tcp_info` has the time-outs in a row (a byte), and all segments that were sent again (32 bits)."""

Address = tuple[str, int]
SERVER = ("10.0.0.2", 80)
SERVER_V6 = ("fd00:7079::2", 80)


def request(target: str, *, close: bool = False) -> bytes:
    """A GET, which ends the connection if `close`."""
    return f"GET {target} HTTP/1.1\r\nHost: x\r\n{'Connection: close' if close else 'X-Filler: y'}\r\n\r\n".encode()


def response(connection: socket.socket) -> bytes:
    """The body of one response that says how long it is."""
    got = b""
    while b"\r\n\r\n" not in got:
        chunk = connection.recv(65536)
        assert chunk, f"the end came after {got!r}"
        got += chunk
    head, _, body = got.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 "), head
    (length,) = (int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length"))
    while len(body) < length:
        chunk = connection.recv(65536)
        assert chunk, f"the end came after {len(body)} of {length} bytes"
        body += chunk
    assert len(body) == length
    return body


def retransmissions(connection: socket.socket) -> tuple[int, int]:
    """Time-outs in a row, and segments sent again since the beginning: SYNs too."""
    info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 192)
    return info[TCP_INFO_RETRANSMITS], struct.unpack_from("=I", info, TCP_INFO_TOTAL_RETRANS)[0]


def all_at_once(address: Address, targets: list[str], connections: int, seconds: float) -> list[bytes]:
    """Opens all connections, and only when all are open asks for each target on each of them. Returns the bodies in the
    order of `targets`, connection after connection.
    """
    opened: list[socket.socket] = []
    try:
        for _ in range(connections):
            s = socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET)
            s.setblocking(False)
            s.connect_ex(address)
            opened.append(s)
        with selectors.DefaultSelector() as selector:
            for s in opened:
                selector.register(s, selectors.EVENT_WRITE)
            while selector.get_map():
                ready = selector.select(seconds)
                assert ready, f"{len(selector.get_map())} connections do not open"
                for key, _ in ready:
                    assert isinstance(key.fileobj, socket.socket)
                    assert key.fileobj.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
                    selector.unregister(key.fileobj)
        for s in opened:
            s.settimeout(seconds)
        bodies: list[list[bytes]] = [[] for _ in opened]
        for target in targets:
            for s in opened:
                s.sendall(request(target))
            for s, got in zip(opened, bodies, strict=True):
                got.append(response(s))
        return [body for got in bodies for body in got]
    finally:
        for s in opened:
            s.close()


def one_after_the_other(address: Address, target: str, ports: range, seconds: float) -> int:
    """One request from each of these ports, in order; the server closes first. Returns how many were answered without
    that a SYN, or anything else, had to be sent twice.
    """
    smooth = 0
    for port in ports:
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.settimeout(seconds)
            s.bind(("", port))
            _connect_when_free(s, address, seconds)
            smooth += retransmissions(s) == (0, 0)
            s.sendall(request(target, close=True))
            assert response(s)
            assert s.recv(1) == b"", "the server closes first"
    return smooth


def _connect_when_free(s: socket.socket, address: Address, seconds: float) -> None:
    """Our own kernel does not give a port away before the ACK of the last connection's FIN has come back."""
    end = time.monotonic() + seconds
    while True:
        try:
            s.connect(address)
        except OSError as error:
            if error.errno != errno.EADDRNOTAVAIL or time.monotonic() > end:
                raise
            time.sleep(0.001)
        else:
            return


def spoofed_syns(count: int) -> None:
    """SYNs from addresses of the network that nobody has, past the kernel's own TCP."""
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as s:
        for n in range(count):
            source = bytes((10, 0, 0, 3 + n % 250))
            ports = struct.pack("!HH", 1024 + n // 250, 80)
            segment = ports + struct.pack("!IIBBHHH", random.getrandbits(32), 0, 5 << 4, 2, 64240, 0, 0)
            pseudo = pseudo_sum(source, bytes((10, 0, 0, 2)), socket.IPPROTO_TCP, len(segment))
            checksum = finish(pseudo + sum16(segment)).to_bytes(2, "big")
            header = struct.pack("!BBHHHBBH", 0x45, 0, 40, n, 0, 64, socket.IPPROTO_TCP, 0)
            s.sendto(header + source + bytes((10, 0, 0, 2)) + segment[:16] + checksum + bytes(2), ("10.0.0.2", 0))
