"""UDP, and the four ways in which a connection ends badly, with the kernel's sockets beside a served stack."""

import errno
import random
import select
import socket
import struct
import time

import scale_clients

HOSTS = ((socket.AF_INET, "10.0.0.2"), (socket.AF_INET6, "fd00:7079::2"))
ECHO, CHARGEN, CLOSED = 7, 19, 81
SIZES = (1, 1472, 9000, 60_000)
UNREACHABLE_PORT, SILENT_PORT = 40_001, 40_002
LOSSY_PORTS = range(41_000, 41_040)
RULES = f"""
table inet endings {{
    chain input {{
        type filter hook input priority 0;
        iifname != "fuzz0" accept
        tcp flags & (syn | rst) != 0 accept
        meta nfproto ipv4 tcp dport {UNREACHABLE_PORT} reject with icmp type host-unreachable
        meta nfproto ipv6 tcp dport {UNREACHABLE_PORT} reject with icmpv6 type addr-unreachable
        tcp dport {SILENT_PORT} drop
        tcp dport {LOSSY_PORTS[0]}-{LOSSY_PORTS[-1]} numgen random mod 100 < 10 drop
    }}
    chain output {{
        type filter hook output priority 0;
        oifname "fuzz0" tcp sport {LOSSY_PORTS[0]}-{LOSSY_PORTS[-1]} numgen random mod 100 < 10 drop
    }}
}}
"""
"""For nftables: clients on these ports do not get what the stack sends to them."""


def udp() -> None:
    """Datagrams of all sizes come back; a closed port refuses."""
    for family, host in HOSTS:
        for size in SIZES:
            data = random.Random(size).randbytes(size)
            with socket.socket(family, socket.SOCK_DGRAM) as s:
                s.settimeout(10)
                s.connect((host, ECHO))
                s.send(data)
                assert s.recv(65_535) == data
        with socket.socket(family, socket.SOCK_DGRAM) as s:
            s.settimeout(10)
            s.connect((host, CLOSED))
            s.send(b"x")
            try:
                s.recv(1)
            except ConnectionRefusedError:
                continue
            raise AssertionError("a closed port answers")


def refused() -> None:
    """Nobody listens."""
    for family, host in HOSTS:
        with socket.socket(family) as s:
            assert s.connect_ex((host, CLOSED)) == errno.ECONNREFUSED


def reset() -> None:
    """In the middle of a stream, by the client; and the client's own next one goes well."""
    for family, host in HOSTS:
        with socket.socket(family) as s:
            s.settimeout(10)
            s.connect((host, CHARGEN))
            assert s.recv(1000)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def cut_off(port: int, seconds: float) -> int:
    """Asks both families from a port that the answers do not reach, for a while, then goes away. Returns how many were
    answered nevertheless.
    """
    asked = []
    for family, host in HOSTS:
        s = socket.socket(family)
        s.settimeout(10)
        if family == socket.AF_INET6:
            s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        s.bind(("", port))
        s.connect((host, 80))
        s.sendall(scale_clients.request("/0"))
        asked.append(s)
    time.sleep(seconds)
    answered = len(select.select(asked, [], [], 0)[0])
    for s in asked:
        s.close()
    return answered


def lossy() -> int:
    """Requests from ports that lose a tenth of the packets each way. Returns how many went without a repetition."""
    return scale_clients.one_after_the_other(scale_clients.SERVER, "/3", LOSSY_PORTS, 60)
