"""What the server's time-outs look like on the wire, to the kernel's clients over TUN."""

import socket
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.kernel

IDLE_SECONDS = 1.5


@pytest.mark.parametrize(("family", "address"), [(socket.AF_INET, "10.0.0.2"), (socket.AF_INET6, "fd00:7079::2")])
def test_an_idle_connection_is_ended_by_a_fin(
    serve: Any, run: Any, netns: Any, root: Path, tmp_path: Path, family: int, address: str
) -> None:
    """The client reads an end, not an error; in the capture the FIN comes after the set time, and there is no RST."""
    (root / "f").write_bytes(b"hello")
    capture = tmp_path / "c.pcapng"
    server = serve("--root", str(root), "--idle-timeout", str(IDLE_SECONDS), "--capture", str(capture))

    def scenario() -> tuple[list[bytes], int]:
        with socket.socket(family) as s, s.makefile("rb") as file:
            s.settimeout(30)
            s.connect((address, 80))
            ends = []
            for _ in range(2):
                s.sendall(b"GET /f HTTP/1.1\r\nHost: x\r\n\r\n")
                while file.readline() != b"\r\n":
                    pass
                ends.append(file.read(5))
            ends.append(file.read())
            return ends, s.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO)

    ends, state = netns.call(scenario)
    assert ends == [b"hello", b"hello", b""]
    assert state == 8  # CLOSE-WAIT
    assert server.stop()[0] == 0

    def times(which: str) -> list[float]:
        """When such packets came by, in seconds."""
        shown = run("tshark", "-r", str(capture), "-Y", which, "-T", "fields", "-e", "frame.time_relative").stdout
        return [float(line) for line in shown.split()]

    (ended,) = times("tcp.srcport == 80 && tcp.flags.fin == 1")
    assert ended - times("tcp.srcport == 80 && tcp.len > 0")[-1] >= IDLE_SECONDS
    assert times("tcp.flags.reset == 1") == []
