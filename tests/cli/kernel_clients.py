"""Clients on kernel sockets, and something to send them."""

import hashlib
import os
import random
import socket
import threading
from pathlib import Path


def write_random(path: Path, size: int) -> str:
    """Fills a file with `size` bytes, of whole MiB; their SHA-256."""
    digest = hashlib.sha256()
    with path.open("wb") as file:
        for _ in range(size >> 20):
            block = os.urandom(1 << 20)
            digest.update(block)
            file.write(block)
    return digest.hexdigest()


def echo_both_ways(family: int, address: tuple[str, int], size: int, timeout: float) -> bool:
    """Sends `size` bytes while it reads them back; whether all came back intact, and then the end."""
    data = random.Random(size).randbytes(size)
    with socket.socket(family, socket.SOCK_STREAM) as s:
        s.settimeout(timeout)
        s.connect(address)

        def send() -> None:
            s.sendall(data)
            s.shutdown(socket.SHUT_WR)

        thread = threading.Thread(target=send)
        thread.start()
        at = 0
        intact = True
        while chunk := s.recv(1 << 18):
            intact = intact and chunk == data[at : at + len(chunk)]
            at += len(chunk)
        thread.join()
    return intact and at == size


def half_closing_client(address: tuple[str, int], size: int, timeout: float) -> bool:
    """Sends all, ends its side, and only then begins to read, in small steps."""
    data = random.Random(size).randbytes(size)
    with socket.create_connection(address, timeout) as s:
        got = bytearray()
        sent = threading.Thread(target=lambda: (s.sendall(data), s.shutdown(socket.SHUT_WR)))
        sent.start()
        sent.join(0.5)  # more than the buffers hold: reading has to begin before all is sent
        while chunk := s.recv(1000):
            got += chunk
        sent.join()
    return bytes(got) == data
