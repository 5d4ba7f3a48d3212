"""`pystack serve` as people use it: the real kernel's ping and curl, over TUN, in a network namespace."""

import hashlib
import json
import os
import pty
import random
import re
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from kernel_clients import echo_both_ways, half_closing_client

pytestmark = pytest.mark.kernel

Run = Callable[..., "subprocess.CompletedProcess[bytes]"]


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def fill(path: Path, size: int) -> bytes:
    data = random.Random(size).randbytes(size)
    path.write_bytes(data)
    return data


def test_ready_line_and_end(serve: Any, run: Run) -> None:
    """One line, the URLs, on standard output; SIGTERM ends with 0; nothing of the device remains."""
    server = serve()
    assert server.ready_line == "http://10.0.0.2/ http://[fd00:7079::2]/\n"
    assert b"tun0" in run("ip", "-o", "link").stdout
    assert server.stop(signal.SIGTERM) == (0, "", "")
    assert b"tun0" not in run("ip", "-o", "link").stdout


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_other_signals_end_in_order_too(serve: Any, number: int) -> None:
    assert serve().stop(number) == (0, "", "")


def test_nothing_remains_after_kill_9(serve: Any, run: Run) -> None:
    server = serve()
    assert server.stop(signal.SIGKILL)[0] == -signal.SIGKILL
    assert b"tun0" not in run("ip", "-o", "link").stdout


@pytest.mark.parametrize("address", ["10.0.0.2", "fd00:7079::2"])
def test_ping(serve: Any, run: Run, address: str) -> None:
    serve()
    out = run("ping", "-c", "3", "-i", "0.2", "-W", "2", address).stdout.decode()
    assert "3 received" in out
    assert run("ping", "-c", "1", "-W", "2", "-s", "1400", address).returncode == 0


@pytest.mark.parametrize("url", ["http://10.0.0.2/", "http://[fd00:7079::2]/"])
def test_index_html_byte_for_byte(serve: Any, run: Run, root: Path, url: str) -> None:
    data = fill(root / "index.html", 5_000)
    serve("--root", str(root))
    assert run("curl", "-sS", "-g", url).stdout == data


def test_the_welcome_page_shows_its_connection(serve: Any, run: Run) -> None:
    serve()
    page = run("curl", "-sS", "--local-port", "45678", "http://10.0.0.2/").stdout.decode()
    assert "10.0.0.1:45678" in page
    assert "10.0.0.2:80" in page
    assert "ESTABLISHED" in page


def test_many_urls_on_one_connection(serve: Any, run: Run, root: Path) -> None:
    fill(root / "f", 10_000)
    serve("--root", str(root))
    requests = ["-o", "/dev/null", "http://10.0.0.2/f"] * 20
    out = run("curl", "-sS", "-w", "%{http_code} %{size_download} %{num_connects}\n", *requests).stdout
    assert out.decode().splitlines() == ["200 10000 1"] + ["200 10000 0"] * 19


def test_many_connections_at_once(serve: Any, run: Run, root: Path) -> None:
    data = fill(root / "f", 300_000)
    serve("--root", str(root))
    with ThreadPoolExecutor(64) as pool:
        results = list(pool.map(lambda _: run("curl", "-sS", "http://10.0.0.2/f").stdout, range(64)))
    assert {sha256(r) for r in results} == {sha256(data)}


def test_a_large_file(serve: Any, run: Run, root: Path) -> None:
    data = fill(root / "big", 64 << 20)
    serve("--root", str(root))
    assert sha256(run("curl", "-sS", "http://10.0.0.2/big").stdout) == sha256(data)


@pytest.mark.parametrize(("family", "address"), [(socket.AF_INET, "10.0.0.2"), (socket.AF_INET6, "fd00:7079::2")])
def test_echo_both_ways_at_once(serve: Any, netns: Any, family: int, address: str) -> None:
    serve("--echo", "7")
    assert netns.call(lambda: echo_both_ways(family, (address, 7), 20 << 20, 30))


def test_a_client_that_half_closes_gets_everything(serve: Any, netns: Any) -> None:
    serve("--echo", "7", "--chargen", "19", "--discard", "9")
    assert netns.call(lambda: half_closing_client(("10.0.0.2", 7), 3_000_000, 30))


def test_chargen_and_discard(serve: Any, netns: Any) -> None:
    serve("--chargen", "19", "--discard", "9")

    def scenario() -> tuple[bytes, bytes]:
        with socket.create_connection(("10.0.0.2", 19), 10) as s:
            lines = s.makefile("rb").read(2 * 74)
        with socket.create_connection(("10.0.0.2", 9), 10) as s:
            s.sendall(bytes(100_000))
            s.shutdown(socket.SHUT_WR)
            rest = s.recv(1)
        return lines, rest

    lines, rest = netns.call(scenario)
    first, second = lines.split(b"\r\n")[:2]
    assert first == bytes(range(32, 104))
    assert second == bytes(range(33, 105))
    assert rest == b""


def test_a_second_signal_ends_at_once(serve: Any, netns: Any) -> None:
    """The first waits for a request in flight (an hour of grace here), the second does not."""
    server = serve("--chargen", "19", "--grace", "3600")

    def scenario() -> str:
        with socket.create_connection(("10.0.0.2", 19), 10) as s:
            assert s.recv(1)
            os.kill(server.process.pid, signal.SIGTERM)
            for _ in range(1000):
                assert s.recv(4096)  # still served
            os.kill(server.process.pid, signal.SIGTERM)
            try:
                while s.recv(65536):
                    pass
            except ConnectionResetError:
                return "reset"
        return "closed"

    assert netns.call(scenario) == "reset"
    server.process.wait(30)
    assert server.process.returncode == 0


def test_a_second_signal_is_heard_while_the_stack_closes(serve: Any, netns: Any) -> None:
    """The peer does not answer our FIN: the first signal waits for it, the second does not. Exit status 0."""
    server = serve("--echo", "7", "--grace", "3600")

    def scenario() -> None:
        s = socket.create_connection(("10.0.0.2", 7), 10)
        s.sendall(b"x")
        assert s.recv(1) == b"x"
        ip = ["ip", "netns", "exec", netns.name, "ip"]
        subprocess.run([*ip, "route", "add", "blackhole", "10.0.0.2/32"], check=True)
        os.kill(server.process.pid, signal.SIGTERM)
        time.sleep(0.5)
        os.kill(server.process.pid, 0)  # it is still there
        os.kill(server.process.pid, signal.SIGTERM)

    netns.call(scenario)
    server.process.wait(30)
    assert server.process.returncode == 0


def test_closing_the_terminal_ends_it(netns: Any, run: Run) -> None:
    """As `make run` in a terminal of its own: the kernel tells the session's leader, which does not pass it on."""
    code = (
        "import os, signal, subprocess, sys\n"
        "signal.signal(signal.SIGHUP, lambda *_: None)\n"
        "child = subprocess.Popen([sys.executable, '-m', 'pystack', 'serve'])\n"
        "child.wait()\n"
    )
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvp("ip", ["ip", "netns", "exec", netns.name, sys.executable, "-c", code])
    assert b"http://10.0.0.2/" in os.read(terminal, 1000)
    os.close(terminal)
    assert os.waitpid(pid, 0) == (pid, 0)
    assert b"tun0" not in run("ip", "-o", "link").stdout


def test_the_counters_at_the_end(serve: Any, run: Run, tmp_path: Path) -> None:
    file = tmp_path / "m.json"
    server = serve("--metrics", str(file), "--grace", "0")
    run("curl", "-sS", "http://10.0.0.2/")
    assert server.stop()[0] == 0
    counters = json.loads(file.read_text())
    assert counters["TcpPassiveOpens"] == 1
    assert counters["IpInReceives"] > 3


def test_requests_in_flight_are_finished(serve: Any, netns: Any, root: Path) -> None:
    data = fill(root / "f", 8 << 20)
    server = serve("--root", str(root), "--grace", "20")

    def scenario() -> bytes:
        with socket.create_connection(("10.0.0.2", 80), 10) as s:
            s.sendall(b"GET /f HTTP/1.1\r\nHost: x\r\n\r\n")
            got = s.recv(1000)
            os.kill(server.process.pid, signal.SIGTERM)
            while chunk := s.recv(65536):
                got += chunk
        return got

    assert netns.call(scenario).partition(b"\r\n\r\n")[2] == data
    server.process.wait(30)
    assert server.process.returncode == 0


def test_an_idle_connection_does_not_hold_up_the_end(serve: Any, netns: Any) -> None:
    server = serve("--grace", "3600")

    def scenario() -> bytes:
        with socket.create_connection(("10.0.0.2", 80), 30) as s:
            s.sendall(b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert s.recv(65536).endswith(b"\r\n\r\n")
            os.kill(server.process.pid, signal.SIGTERM)
            return s.recv(65536)  # the FIN, within the time-out of the socket

    assert netns.call(scenario) == b""
    server.process.wait(30)
    assert server.process.returncode == 0


def test_a_capture_that_tshark_reads(serve: Any, run: Run, tmp_path: Path) -> None:
    file = tmp_path / "c.pcapng"
    server = serve("--capture", str(file))
    run("curl", "-sS", "http://10.0.0.2/")
    assert server.stop()[0] == 0
    read = run("tshark", "-r", str(file), "-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE")
    assert b"HTTP/1.1 200 OK" in read.stdout
    complaints = run(
        "tshark",
        "-r",
        str(file),
        *("-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE"),
        *(
            "-Y",
            "_ws.malformed || tcp.checksum.status == 0 || ip.checksum.status == 0 || tcp.analysis.ack_lost_segment",
        ),
    )
    assert complaints.stdout == b""


def test_parallel_clients_of_every_service_survive_a_rude_one(serve: Any, netns: Any, run: Run) -> None:
    """A client that resets in the middle harms nobody else."""
    serve("--echo", "7", "--chargen", "19")

    def rude() -> None:
        for port in (7, 19, 80) * 20:
            s = socket.create_connection(("10.0.0.2", port), 10)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            s.sendall(b"x" * 1000)
            s.close()

    thread = threading.Thread(target=lambda: netns.call(rude))
    thread.start()
    assert netns.call(lambda: echo_both_ways(socket.AF_INET, ("10.0.0.2", 7), 2 << 20, 30))
    thread.join()
    assert b"pystack" in run("curl", "-sS", "http://10.0.0.2/").stdout


def test_as_many_descriptors_as_may_be(serve: Any) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 256), hard))
    try:
        pid = serve().process.pid
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    limits = Path(f"/proc/{pid}/limits").read_text()
    assert re.search(rf"Max open files +{hard} +{hard} ", limits)
