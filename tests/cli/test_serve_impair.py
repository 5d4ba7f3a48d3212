"""`pystack serve --impair` over TUN, with the kernel's ping and curl."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.kernel


@pytest.mark.parametrize(
    ("spec", "least"), [("delay=40ms", 80), ("in:delay=40ms", 40), ("out:delay=60ms,jitter=5ms", 60)]
)
@pytest.mark.parametrize("address", ["10.0.0.2", "fd00:7079::2"])
def test_a_ping_takes_as_long_as_the_path(serve: Any, run: Any, spec: str, least: float, address: str) -> None:
    serve("--impair", spec)
    out = run("ping", "-c", "5", "-i", "0.2", "-W", "5", address).stdout.decode()
    times = [float(ms) for ms in re.findall(r"time=([0-9.]+) ms", out)]
    assert len(times) == 5
    assert min(times) >= least


def test_a_download_over_a_lossy_path_is_intact(serve: Any, run: Any, root: Path, tmp_path: Path) -> None:
    data = bytes(n * 7 % 251 for n in range(1 << 20)) * 4
    (root / "f").write_bytes(data)
    metrics = tmp_path / "m.json"
    server = serve("--root", str(root), "--metrics", str(metrics), "-v", "--impair", "loss=1%,delay=5ms;seed=7")
    assert run("curl", "-sS", "http://10.0.0.2/f").stdout == data
    status, _, said = server.stop()
    assert status == 0
    assert json.loads(metrics.read_text())["TcpRetransSegs"] > 0
    ways = re.search(
        r"the impaired path of tun0, in: (\d+) packets, (\d+) lost.*; out: (\d+) packets, (\d+) lost", said
    )
    assert ways is not None
    taken_in, lost_in, taken_out, lost_out = map(int, ways.groups())
    assert taken_out > len(data) // 1500
    assert 0 < lost_in < taken_in / 10
    assert 0 < lost_out < taken_out / 10


def test_damage_is_found(serve: Any, run: Any, root: Path, tmp_path: Path) -> None:
    data = bytes(n * 7 % 251 for n in range(1 << 20))
    (root / "f").write_bytes(data)
    metrics = tmp_path / "m.json"
    server = serve("--root", str(root), "--metrics", str(metrics), "--impair", "in:corrupt=10%;out:dup=10%,reorder=5%")
    assert run("curl", "-sS", "http://10.0.0.2/f").stdout == data
    assert server.stop()[0] == 0
    counters = json.loads(metrics.read_text())
    assert counters.get("TcpInCsumErrors", 0) + counters.get("IpInHdrErrors", 0) > 0


def test_a_link_local_url_names_its_device(serve: Any, run: Any) -> None:
    server = serve("--address", "fe80::2/64")
    assert server.urls == ["http://[fe80::2%25tun0]/"]
    assert run("curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", server.urls[0], "-g").stdout == b"200"
