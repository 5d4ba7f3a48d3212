"""Large downloads that are cut, and a thousand slow ones at once: minutes, so `make test-long` only.

`-s` shows the figures that are printed.
"""

import hashlib
import random
import resource
import selectors
import socket
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from kernel_clients import write_random

from pystack.cli.asking import ask_all

pytestmark = [pytest.mark.kernel, pytest.mark.long]

URL = "http://10.0.0.2"


def test_a_gibibyte_that_was_cut_goes_on_where_it_was(
    serve: Any, run: Any, netns: Any, root: Path, tmp_path: Path
) -> None:
    """curl is killed in the middle, twice."""
    sha256 = write_random(root / "big", 1 << 30)
    serve("--root", str(root))
    file = tmp_path / "partial"
    file.touch()
    resume = ("curl", "-sS", "-C", "-", "-o", str(file), f"{URL}/big")
    for least in (200 << 20, 600 << 20):
        with subprocess.Popen(["ip", "netns", "exec", netns.name, *resume]) as curl:
            while file.stat().st_size < least and curl.poll() is None:
                time.sleep(0.01)
            curl.kill()
        assert least <= file.stat().st_size < 1 << 30
    run(*resume, timeout=600)
    with file.open("rb") as whole:
        assert hashlib.file_digest(whole, "sha256").hexdigest() == sha256


READERS = 1_000
SLOW, FAST = 1 << 19, 64 << 20
SIP = 100
"""Bytes a second that a slow reader takes."""
SAMPLES = 5
SECONDS = 120

HELD = 192 << 10
"""What the server lets lie for one reader at most: 128 KiB, and the piece that went over it."""
CHUNK_AND_TASK = 150_000
"""What the process holds for it besides: a chunk of the file, a task, a connection."""


def fetch(target: str) -> socket.socket:
    client = socket.create_connection(("10.0.0.2", 80), SECONDS)
    client.sendall(f"GET {target} HTTP/1.0\r\n\r\n".encode())
    return client


def fast() -> float:
    """MB/s of one download."""
    began, size = time.monotonic(), 0
    with fetch("/fast") as client:
        while data := client.recv(1 << 20):
            size += len(data)
    assert size > FAST
    return size / 1e6 / (time.monotonic() - began)


def sip(clients: list[socket.socket], heads: list[bytes], enough: threading.Event) -> None:
    """Reads a little from each, every second."""
    while not enough.wait(1):
        for number, client in enumerate(clients):
            heads[number] += client.recv(SIP)


def drink_up(clients: list[socket.socket], heads: list[bytes]) -> set[str]:
    """Reads all of them to their ends; the digests of the bodies."""
    bodies = {}
    with selectors.DefaultSelector() as selector:
        for client, head in zip(clients, heads, strict=True):
            selector.register(client, selectors.EVENT_READ)
            bodies[client] = bytearray(head)
        while selector.get_map():
            for key, _ in selector.select(SECONDS):
                client = key.fileobj
                if data := client.recv(1 << 16):
                    bodies[client] += data
                else:
                    selector.unregister(client)
    return {hashlib.sha256(body.partition(b"\r\n\r\n")[2]).hexdigest() for body in bodies.values()}


def resident(pid: int) -> int:
    """Bytes of memory that a process has."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * resource.getpagesize()


@pytest.mark.usefixtures("runtime")
def test_a_thousand_slow_readers(serve: Any, netns: Any, root: Path) -> None:
    """They hold a bounded part of the memory, and everybody gets everything, a fast one in between too. That it is not
    slowed by them is shown in virtual time (`tests/http/test_http_slow_readers.py`); here the ratio is only printed.
    """
    slow = random.Random(4).randbytes(SLOW)
    (root / "slow").write_bytes(slow)
    write_random(root / "fast", FAST)
    pid = serve("--root", str(root)).process.pid

    def scenario() -> tuple[dict[str, list[float]], set[str]]:
        shown: dict[str, list[float]] = {"alone": [fast() for _ in range(2)], "resident": [resident(pid)], "held": []}
        clients = [fetch("/slow") for _ in range(READERS)]
        heads = [b""] * READERS
        enough = threading.Event()
        sipping = threading.Thread(target=sip, args=(clients, heads, enough))
        sipping.start()
        for _ in range(SAMPLES):
            time.sleep(1)
            (stack,) = ask_all().stacks
            shown["held"].append(stack["memory"])
            shown["resident"].append(resident(pid))
        assert sum(c["state"] == "ESTABLISHED" for c in stack["connections"]) == READERS
        shown["beside"] = [fast() for _ in range(2)]
        enough.set()
        sipping.join()
        digests = drink_up(clients, heads)
        shown["alone"] += [fast() for _ in range(2)]
        return shown, digests

    shown, digests = netns.call(scenario, 600)
    for name, figures in shown.items():
        print(f"{name}: {', '.join(f'{figure:,.0f}' for figure in figures)}")
    print(f"beside / alone: {max(shown['beside']) / max(shown['alone']):.2f}")
    assert digests == {hashlib.sha256(slow).hexdigest()}
    assert max(shown["held"]) < READERS * (HELD + 1_000)
    before, *during = shown["resident"]
    assert max(during) - before < READERS * (HELD + CHUNK_AND_TASK)
