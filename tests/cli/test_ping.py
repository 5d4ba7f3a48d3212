"""`pystack ping`: what it prints and how it ends, against the kernel, over a TUN device that it makes for itself."""

import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from serving import PYSTACK, Starter

pytestmark = pytest.mark.kernel

SECONDS = 60
KERNEL = {4: "10.0.0.1", 6: "fd00:7079::1"}
STACK = {4: "10.0.0.2", 6: "fd00:7079::2"}
LOOPBACK = {4: "127.0.0.1", 6: "::1"}
VERSIONS = pytest.mark.parametrize("version", [4, 6])

Run = Callable[..., "subprocess.CompletedProcess[bytes]"]
Ended = tuple[int, list[str], str]


@pytest.fixture
def ping(run: Run) -> Callable[..., Ended]:
    """Exit status, lines of standard output and standard error of `pystack ping ARGS`."""

    def inside(*args: str) -> Ended:
        done = run(*PYSTACK, "ping", *args, check=False, timeout=SECONDS)
        assert b"Traceback" not in done.stderr, done.stderr.decode()
        return done.returncode, done.stdout.decode().splitlines(), done.stderr.decode()

    return inside


@pytest.fixture
def router(run: Run) -> Iterator[str]:
    """The namespace is a router, with a network 10.8.0.0/24 and fd00:8::/64 behind it and 10.8.0.2 and fd00:8::2
    there, whose path takes 1300 bytes.
    """
    run("ip", "link", "add", "v0", "type", "veth", "peer", "name", "v1")
    behind = f"{run('ip', 'netns', 'identify').stdout.decode().strip()}-behind"
    subprocess.run(["ip", "netns", "add", behind], check=True)
    try:
        inside = ("ip", "netns", "exec", behind)
        run("ip", "link", "set", "v1", "netns", behind)
        for where, name, host in (((), "v0", 1), (inside, "v1", 2)):
            run("sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
            run(*where, "ip", "address", "add", f"10.8.0.{host}/24", "dev", name)
            run(*where, "ip", "address", "add", f"fd00:8::{host}/64", "dev", name, "nodad")
            run(*where, "ip", "link", "set", name, "mtu", "1300", "up")
        run(*inside, "ip", "route", "add", "default", "via", "10.8.0.1")
        run(*inside, "ip", "route", "add", "default", "via", "fd00:8::1")
        yield behind
    finally:
        subprocess.run(["ip", "netns", "del", behind], check=True)


def one_line(lines: list[str], pattern: str) -> None:
    assert len([line for line in lines if re.fullmatch(pattern, line)]) == 1, lines


@VERSIONS
@pytest.mark.parametrize("where", [KERNEL, STACK, LOOPBACK], ids=["kernel", "own", "loopback"])
def test_replies(ping: Callable[..., Ended], version: int, where: dict[int, str]) -> None:
    host = where[version]
    status, lines, err = ping("-c", "3", "-i", "0.05", host)
    assert (status, err) == (0, "")
    assert lines[0] == f"PING {host} ({host}) 56" + ("(84) bytes of data." if version == 4 else " data bytes")
    for sequence, line in enumerate(lines[1:4], 1):
        assert re.fullmatch(rf"64 bytes from {host}: icmp_seq={sequence} ttl=64 time=\d+(\.\d+)? ms", line), line
    assert lines[4:6] == ["", f"--- {host} ping statistics ---"]
    assert re.fullmatch(r"3 packets transmitted, 3 received, 0% packet loss, time \d+ms", lines[6])
    assert re.fullmatch(r"rtt min/avg/max/mdev = (\d+\.\d{3}/){3}\d+\.\d{3} ms", lines[7])
    assert len(lines) == 8


@VERSIONS
@pytest.mark.parametrize("size", [0, 1, 3000])
def test_sizes(ping: Callable[..., Ended], version: int, size: int) -> None:
    status, lines, _ = ping("-c", "1", "-s", str(size), KERNEL[version])
    assert status == 0
    one_line(lines, rf"{size + 8} bytes from {KERNEL[version]}: icmp_seq=1 ttl=64 time=\S+ ms")


def test_a_name(ping: Callable[..., Ended]) -> None:
    for option, address in (("-4", "127.0.0.1"), ("-6", "::1")):
        status, lines, err = ping(option, "-c", "1", "localhost")
        if option == "-6" and "no IPv6 address" in err:
            assert status == 1
            continue
        assert status == 0
        assert lines[0].startswith(f"PING localhost ({address}) 56")
        assert "--- localhost ping statistics ---" in lines
    status, lines, err = ping("nothing.invalid")
    assert (status, lines) == (1, [])
    assert "'nothing.invalid' has no address" in err


@VERSIONS
def test_nobody_there(ping: Callable[..., Ended], run: Run, version: int) -> None:
    """A black hole: nobody says anything."""
    host = "10.0.0.77" if version == 4 else "fd00:7079::77"
    status, lines, err = ping("-c", "1", "-W", "1", host)
    assert (status, err) == (1, "")
    assert lines[1:] == [
        "",
        f"--- {host} ping statistics ---",
        "1 packets transmitted, 0 received, 100% packet loss, time 0ms",
    ]


def test_ctrl_c_ends_with_the_statistics(netns: Any) -> None:
    """It goes on until then; the exit status says whether anybody has answered."""
    for host, status in ((KERNEL[4], 0), ("10.0.0.77", 1)):
        process = subprocess.Popen(
            ["ip", "netns", "exec", netns.name, *PYSTACK, "ping", "-i", "0.1", host], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        for _ in range(6 if status == 0 else 1):
            assert process.stdout.readline()
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=SECONDS)
        assert process.returncode == status
        assert f"\n--- {host} ping statistics ---\n" in out
        assert ("100% packet loss" in out) is (status == 1)
        assert ("rtt min/avg/max/mdev = " in out) is (status == 0)


@VERSIONS
def test_errors_from_the_way(ping: Callable[..., Ended], router: str, run: Run, version: int) -> None:
    far = "10.8.0.2" if version == 4 else "fd00:8::2"
    status, lines, _ = ping("-c", "2", "-i", "0.05", far)
    assert status == 0
    one_line(lines, rf"64 bytes from {far}: icmp_seq=2 ttl=63 time=\S+ ms")
    status, lines, err = ping("-c", "2", "-i", "0.05", "-t", "1", far)
    assert (status, err) == (1, "")
    said = "Time to live exceeded" if version == 4 else "Time exceeded: Hop limit"
    assert lines[1:3] == [f"From {KERNEL[version]} icmp_seq={n} {said}" for n in (1, 2)]
    assert lines[5].startswith("2 packets transmitted, 0 received, +2 errors, 100% packet loss, time ")
    status, lines, _ = ping("-c", "2", "-i", "0.05", "-s", "1400", far)
    assert status == 0, "the second goes in fragments"
    one_line(lines, rf"From {KERNEL[version]} icmp_seq=1 Packet too big: .*mtu ?= ?1300\)?")
    one_line(lines, rf"1408 bytes from {far}: icmp_seq=2 ttl=63 time=\S+ ms")
    run("ip", "route", "add", "unreachable", "10.9.0.0/24" if version == 4 else "fd00:9::/64")
    nowhere = "10.9.0.1" if version == 4 else "fd00:9::1"
    status, lines, _ = ping("-c", "1", nowhere)
    assert status == 1
    said = "Destination Host Unreachable" if version == 4 else "Destination unreachable: No route"
    assert lines[1] == f"From {KERNEL[version]} icmp_seq=1 {said}"


def test_beside_serve(ping: Callable[..., Ended], serve: Starter, run: Run) -> None:
    """On the next free device and network; the kernel forwards between the two."""
    run("sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
    serve("--echo", "7")
    for address in STACK.values():
        status, lines, _ = ping("-c", "2", "-i", "0.05", address)
        assert status == 0
        one_line(lines, rf"64 bytes from {address}: icmp_seq=2 ttl=63 time=\S+ ms")


@pytest.mark.parametrize(
    ("args", "named"),
    [
        ([], "Missing argument"),
        (["-c", "0", "h"], "-c"),
        (["-c", "many", "h"], "-c"),
        (["-s", "65508", "h"], "-s"),
        (["-t", "256", "h"], "-t"),
        (["-i", "0", "h"], "--interval 0 would flood"),
        (["-i", "nan", "h"], "--interval nan is no time"),
        (["-W", "-1", "h"], "--wait -1.0 is no time"),
        (["-4", "-6", "h"], "-4 and -6 exclude each other"),
        (["h", "h"], "unexpected extra argument"),
        (["-x", "h"], "No such option"),
        (["-6", "10.0.0.1"], "10.0.0.1 is an IPv4 address, and -6 asks for IPv6: leave out -6"),
        (["-4", "::1"], "::1 is an IPv6 address, and -4 asks for IPv4: leave out -4"),
    ],
)
def test_wrong_usage(ping: Callable[..., Ended], args: list[str], named: str) -> None:
    status, lines, err = ping(*args)
    assert (status, lines) == (2, [])
    assert named in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("args", [[], ["-x", "h"], ["-c", "many", "h"]])
def test_wrong_words_lead_to_the_help(ping: Callable[..., Ended], args: list[str]) -> None:
    assert re.fullmatch(r"pystack: .* \(see `.*pystack ping --help`\)\n", ping(*args)[2])
