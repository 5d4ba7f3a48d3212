"""The sizes that the project promises, on the real kernel: minutes, so `make test-long` only.

The lossy path is a client's namespace, a router's with tun0, and packets dropped in the router's forward hook, where
neither side's kernel notices (in the output hook a drop is a local error, which the sender would be told).
"""

import hashlib
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from kernel_clients import echo_both_ways, write_random
from namespaces import Namespace

from pystack.link.netns import named_netns

pytestmark = [pytest.mark.kernel, pytest.mark.long]

Run = Callable[..., "subprocess.CompletedProcess[bytes]"]

LOSS = """
table inet loss {
  chain forward {
    type filter hook forward priority 0;
    numgen random mod 100 < 3 counter drop
  }
}
"""


def download(address: tuple[str, int], target: str) -> str:
    """The SHA-256 of what a GET of `target` gives."""
    digest = hashlib.sha256()
    with socket.create_connection(address, 60) as s:
        s.sendall(f"GET {target} HTTP/1.0\r\n\r\n".encode())
        head = b""
        while b"\r\n\r\n" not in head:
            head += s.recv(65536)
        digest.update(head.partition(b"\r\n\r\n")[2])
        while chunk := s.recv(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def test_a_gibibyte(serve: Any, netns: Any, root: Path) -> None:
    sha256 = write_random(root / "big", 1 << 30)
    serve("--root", str(root))
    assert netns.call(lambda: download(("10.0.0.2", 80), "/big"), 600) == sha256


def test_200_megabytes_of_echo_both_ways(serve: Any, netns: Any) -> None:
    serve("--echo", "7")
    assert netns.call(lambda: echo_both_ways(socket.AF_INET, ("10.0.0.2", 7), 200_000_000, 120), 600)


@pytest.fixture
def lossy_client(netns: Namespace) -> Iterator[Namespace]:
    """A client behind `netns`, which forwards its packets to tun0 and loses 3 % of them each way."""
    if shutil.which("nft") is None:
        pytest.skip("nftables is not installed")
    with named_netns(f"{netns.name}-c") as client:

        def ip(*args: str) -> None:
            subprocess.run(["ip", *args], check=True, capture_output=True)

        ip("link", "add", "down0", "netns", netns.name, "type", "veth", "peer", "name", "up0", "netns", client.name)
        ip("-n", netns.name, "address", "add", "10.1.0.1/24", "dev", "down0")
        ip("-n", netns.name, "link", "set", "down0", "up")
        ip("-n", client.name, "address", "add", "10.1.0.2/24", "dev", "up0")
        ip("-n", client.name, "link", "set", "up0", "up")
        ip("-n", client.name, "route", "add", "default", "via", "10.1.0.1")
        inside = ["ip", "netns", "exec", netns.name]
        subprocess.run([*inside, "sysctl", "-qw", "net.ipv4.ip_forward=1"], check=True)
        subprocess.run([*inside, "nft", "-f", "-"], input=LOSS.encode(), check=True)
        yield Namespace(client.name)


def retransmissions_of_the_kernel() -> int:
    text = Path("/proc/net/snmp").read_text()
    names, values = (line.split()[1:] for line in text.splitlines() if line.startswith("Tcp:"))
    return int(dict(zip(names, values, strict=True))["RetransSegs"])


def test_3_percent_of_loss_both_ways(serve: Any, netns: Any, lossy_client: Namespace, run: Run, root: Path) -> None:
    """20 MB down and 20 MB through echo arrive intact, and both sides had to retransmit."""
    sha256 = write_random(root / "f", 20 << 20)
    capture = root / "c.pcapng"
    server = serve("--root", str(root), "--echo", "7", "--capture", str(capture))
    assert lossy_client.call(lambda: download(("10.0.0.2", 80), "/f"), 600) == sha256
    assert lossy_client.call(lambda: echo_both_ways(socket.AF_INET, ("10.0.0.2", 7), 20 << 20, 120), 600)
    assert lossy_client.call(retransmissions_of_the_kernel) > 0
    assert b"packets 0" not in run("nft", "list", "table", "inet", "loss").stdout
    assert server.stop()[0] == 0
    assert capture.read_bytes().count(b"retransmit") > 0
