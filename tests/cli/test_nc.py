"""`pystack nc`: against kernel sockets, over a TUN device that it makes for itself."""

import random
import re
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from serving import PYSTACK, Starter

pytestmark = pytest.mark.kernel

SIZE = 200_000_000
SECONDS = 120
KERNEL = {4: "10.0.0.1", 6: "fd00:7079::1"}
STACK = {4: "10.0.0.2", 6: "fd00:7079::2"}
VERSIONS = pytest.mark.parametrize("version", [4, 6])

PRELUDE = """
import random, socket, sys, threading
FAMILY = {4: socket.AF_INET, 6: socket.AF_INET6}[int(sys.argv[1])]
ANY = {4: "0.0.0.0", 6: "::"}[int(sys.argv[1])]
def read_all(connection):
    pieces = []
    while piece := connection.recv(1 << 18):
        pieces.append(piece)
    return b"".join(pieces)
def accept():
    with socket.create_server((ANY, 9000), family=FAMILY) as server:
        print("ready", flush=True)
        return server.accept()[0]
def datagrams():
    sock = socket.socket(FAMILY, socket.SOCK_DGRAM)
    sock.bind((ANY, 9000))
    print("ready", flush=True)
    return sock
"""

Start = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def start(netns: Any) -> Iterator[Start]:
    """Starts a command inside `netns`."""
    started: list[subprocess.Popen[bytes]] = []

    def inside(*argv: str) -> "subprocess.Popen[bytes]":
        pipe = subprocess.PIPE
        process = subprocess.Popen(
            ["ip", "netns", "exec", netns.name, *argv], stdin=pipe, stdout=pipe, stderr=pipe, bufsize=0
        )
        started.append(process)
        return process

    yield inside
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def nc(start: Start) -> Start:
    """Starts `pystack nc ARGS`; with -l, returns once it listens."""

    def inside(*args: str) -> "subprocess.Popen[bytes]":
        process = start(*PYSTACK, "nc", *args)
        if "-l" in args:
            assert process.stderr is not None
            line = process.stderr.readline()
            assert b"listening on" in line, line + process.stderr.read()
        return process

    return inside


@pytest.fixture
def kernel(start: Start) -> Start:
    """Runs lines of Python on kernel sockets; where they wait for somebody, returns once they do."""

    def inside(version: int, code: str) -> "subprocess.Popen[bytes]":
        process = start(sys.executable, "-c", PRELUDE + textwrap.dedent(code), str(version))
        if "accept()" in code or "datagrams()" in code:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
        return process

    return inside


def ended(process: "subprocess.Popen[bytes]", data: bytes | None = None) -> tuple[int, bytes, str]:
    """Its exit status, standard output and standard error, after `data` and the end on its standard input."""
    out, err = process.communicate(data, timeout=SECONDS)
    assert b"Traceback" not in err, err.decode()
    return process.returncode, out, err.decode()


@VERSIONS
def test_both_directions_at_once(nc: Start, kernel: Start, version: int) -> None:
    server = kernel(
        version,
        f"""
        data = random.Random(7).randbytes({SIZE})
        connection = accept()
        thread = threading.Thread(target=lambda: (connection.sendall(data), connection.shutdown(1)))
        thread.start()
        print(read_all(connection) == data[::-1])
        thread.join()
        """,
    )
    data = random.Random(7).randbytes(SIZE)
    status, out, err = ended(nc(KERNEL[version], "9000"), data[::-1])
    assert (status, err) == (0, "")
    assert out == data
    assert ended(server)[1] == b"True\n"


@VERSIONS
def test_the_end_of_the_input_is_no_end_of_the_answer(nc: Start, kernel: Start, version: int) -> None:
    kernel(version, "connection = accept(); connection.sendall(read_all(connection)[::-1]); connection.close()")
    assert ended(nc(KERNEL[version], "9000"), b"stressed") == (0, b"desserts", "")


def test_the_end_of_the_answer_is_no_end_of_the_input(nc: Start, kernel: Start) -> None:
    server = kernel(4, "connection = accept(); connection.shutdown(1); print(read_all(connection))")
    client = nc(KERNEL[4], "9000")
    assert ended(client, b"late") == (0, b"", "")
    assert ended(server)[1] == b"b'late'\n"


@VERSIONS
def test_listening(nc: Start, kernel: Start, version: int) -> None:
    listener = nc("-l", "5000", *(["-6"] if version == 6 else []))
    client = kernel(
        version,
        f"""
        connection = socket.create_connection(({STACK[version]!r}, 5000))
        connection.sendall(b"from the kernel")
        connection.shutdown(1)
        print(read_all(connection))
        """,
    )
    assert ended(listener, b"from the stack")[:2] == (0, b"from the kernel")
    assert ended(client)[1] == b"b'from the stack'\n"


@VERSIONS
def test_udp(nc: Start, kernel: Start, version: int) -> None:
    kernel(version, "sock = datagrams(); data, peer = sock.recvfrom(65535); sock.sendto(data.upper(), peer)")
    assert ended(nc("-u", "-w", "1", KERNEL[version], "9000"), b"hello") == (0, b"HELLO", "")


def test_udp_listening(nc: Start, kernel: Start) -> None:
    listener = nc("-l", "-u", "5000")
    client = kernel(
        4,
        f"""
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.connect(({STACK[4]!r}, 5000))
        sock.send(b"question")
        print(sock.recv(65535))
        """,
    )
    assert listener.stdout is not None
    assert listener.stdout.read(8) == b"question"
    assert ended(listener, b"answer")[:2] == (0, b"")
    assert ended(client)[1] == b"b'answer'\n"


@VERSIONS
def test_refused(nc: Start, version: int) -> None:
    status, out, err = ended(nc(KERNEL[version], "9"), b"x")
    assert (status, out) == (1, b"")
    assert err == f"pystack: {KERNEL[version]} port 9: Connection refused\n"


def test_refused_over_udp(nc: Start) -> None:
    status, out, err = ended(nc("-u", KERNEL[4], "9"), b"x")
    assert (status, out, err) == (1, b"", f"pystack: {KERNEL[4]} port 9: Connection refused\n")


def test_a_black_hole(nc: Start) -> None:
    status, out, err = ended(nc("-w", "1", "10.0.0.77", "9"), b"x")
    assert (status, out) == (1, b"")
    assert err == "pystack: 10.0.0.77 port 9 did not answer within 1 s\n"


def test_the_next_address_of_a_name_is_tried(nc: Start, kernel: Start, start: Start, tmp_path: Path) -> None:
    """The first is a black hole, and `-w` is for all of them."""
    hosts = tmp_path / "hosts"
    hosts.write_text(f"10.0.0.77 somebody\n{KERNEL[4]} somebody\n")
    in_hosts = ["unshare", "--mount", "sh", "-c", f'mount --bind {hosts} /etc/hosts && exec "$@"', "sh"]
    kernel(4, "connection = accept(); connection.sendall(read_all(connection)[::-1]); connection.close()")
    assert ended(start(*in_hosts, *PYSTACK, "nc", "-w", "20", "somebody", "9000"), b"ab") == (0, b"ba", "")
    status, _, err = ended(start(*in_hosts, *PYSTACK, "nc", "-w", "1", "somebody", "9"), b"ab")
    assert status == 1
    said = ("10.0.0.77 port 9 did not answer within 1 s", f"{KERNEL[4]} port 9: Connection refused")
    assert err in ("pystack: {}; {}\n".format(*said), "pystack: {1}; {0}\n".format(*said))


@pytest.mark.parametrize(("udp", "nothing"), [([], "nobody connected"), (["-u"], "nobody sent a datagram")])
def test_listening_has_an_end(nc: Start, udp: list[str], nothing: str) -> None:
    listener = nc("-l", *udp, "-w", "0.2", "5000")
    assert ended(listener) == (1, b"", f"pystack: {nothing} within 0.2 s\n")


@pytest.mark.parametrize("args", [["-l", "5000"], ["-l", "-u", "5000"]])
def test_interrupted(nc: Start, args: list[str]) -> None:
    process = nc(*args)
    process.send_signal(signal.SIGINT)
    assert ended(process)[:2] == (130, b"")


def test_reset_in_the_middle(nc: Start, kernel: Start) -> None:
    kernel(
        4,
        """
        connection = accept()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\\1\\0\\0\\0\\0\\0\\0\\0")
        connection.recv(1)
        connection.close()
        """,
    )
    status, out, err = ended(nc(KERNEL[4], "9000"), b"x")
    assert (status, out, err) == (1, b"", "pystack: Connection reset by peer\n")


def test_beside_serve(netns: Any, serve: Starter, run: Callable[..., Any], nc: Start) -> None:
    """On the next free device and network; the kernel forwards between the two."""
    run("sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
    serve("--echo", "7")
    listener = nc("-l", "5000")
    assert run("ip", "-brief", "address", "show", "tun1").stdout.split()[2:4] == [b"10.0.1.1/24", b"fd00:7079:1::1/64"]
    for address in STACK.values():
        assert ended(nc(address, "7"), b"hello") == (0, b"hello", "")
    client = nc("-w", "5", "10.0.1.2", "5000")
    assert client.stdin is not None
    client.stdin.write(b"to the other")
    client.stdin.close()
    client.stdin = None
    assert ended(listener)[:2] == (0, b"to the other")
    assert ended(client) == (0, b"", "")


@pytest.mark.parametrize(
    ("args", "named"),
    [
        (["10.0.0.1"], "give HOST and PORT"),
        (["10.0.0.1", "7", "8"], "give HOST and PORT"),
        (["10.0.0.1", "0"], "'0' is no port"),
        (["10.0.0.1", "65536"], "'65536' is no port"),
        (["10.0.0.1", "nothing-such"], "'nothing-such' is no port"),
        (["-w", "-1", "10.0.0.1", "7"], "--wait -1.0 is no time"),
        (["-l"], "Missing argument"),
        (["-x", "10.0.0.1", "7"], "No such option"),
        (["-6", "10.0.0.1", "7"], "10.0.0.1 is an IPv4 address, and -6 asks for IPv6"),
        (["-6", "-l", "10.0.0.1", "7"], "10.0.0.1 is an IPv4 address, and -6 asks for IPv6"),
    ],
)
def test_wrong_usage(nc: Start, args: list[str], named: str, start: Start) -> None:
    status, out, err = ended(start(*PYSTACK, "nc", *args))
    assert (status, out) == (2, b"")
    assert named in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("args", [["10.0.0.1"], ["-l"], ["-x"], ["-w", "soon", "10.0.0.1", "7"]])
def test_wrong_words_lead_to_the_help(start: Start, args: list[str]) -> None:
    status, _, err = ended(start(*PYSTACK, "nc", *args))
    assert status == 2
    assert re.fullmatch(r"pystack: .* \(see `.*pystack nc --help`\)\n", err)


def test_no_such_host(nc: Start) -> None:
    status, _, err = ended(nc("nothing.invalid", "7"))
    assert status == 1
    assert "'nothing.invalid' has no address" in err
