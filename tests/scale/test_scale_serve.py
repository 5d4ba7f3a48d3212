"""`pystack serve` and many connections of the real kernel."""

import ctypes
import json
import random
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import scale_clients
import trio
from namespaces import Namespace
from scale_clients import SERVER, SERVER_V6, spoofed_syns

import pystack
from pystack.http.config import HttpConfig
from pystack.http.server import serve_http
from pystack.http.static import StaticFiles
from pystack.tcp.config import TcpConfig

pytestmark = pytest.mark.kernel

Run = Callable[..., Any]
CLIENT = "import scale_clients; scale_clients.one_after_the_other(('10.0.0.2', 80), '/0', {ports}, 30)"


def pages(root: Path, count: int) -> dict[str, bytes]:
    """Files of different sizes, by target."""
    made = {f"/{n}": random.Random(n).randbytes(1 + 3000 * n) for n in range(count)}
    for target, data in made.items():
        (root / target[1:]).write_bytes(data)
    return made


@pytest.mark.parametrize("address", [SERVER, SERVER_V6])
def test_a_thousand_connections_at_once(serve: Any, netns: Namespace, root: Path, address: Any) -> None:
    """All open before the first asks; four requests on each."""
    made = pages(root, 4)
    server = serve("--root", str(root))
    bodies = netns.call(lambda: scale_clients.all_at_once(address, list(made), 1000, 30), 120)
    assert len(bodies) == 4000
    assert bodies == list(made.values()) * 1000
    assert server.stop() == (0, "", "")


@pytest.mark.parametrize("connections", [500, pytest.param(10_000, marks=pytest.mark.long)])
def test_one_connection_after_the_other(
    serve: Any, netns: Namespace, root: Path, tmp_path: Path, connections: int
) -> None:
    """From one address, the ports in sequence; all in TIME-WAIT on the server's side, and none refused."""
    pages(root, 1)
    metrics = tmp_path / "metrics"
    server = serve("--root", str(root), "--metrics", str(metrics))
    ports = range(20_000, 20_000 + connections)
    smooth = netns.call(lambda: scale_clients.one_after_the_other(SERVER, "/0", ports, 30), 600)
    assert smooth == connections
    assert server.stop() == (0, "", "")
    counted = json.loads(metrics.read_text())
    assert counted["TcpPassiveOpens"] == connections
    assert "TcpExtListenOverflows" not in counted


def test_reconnecting_from_a_port_in_time_wait(serve: Any, netns: Namespace, root: Path, tmp_path: Path) -> None:
    """At once, 50 times: no SYN had to be repeated. The kernel's side is closed each time, ours in TIME-WAIT."""
    pages(root, 1)
    metrics = tmp_path / "metrics"
    server = serve("--root", str(root), "--metrics", str(metrics))
    port = range(20_000, 20_001)
    smooth = netns.call(lambda: [scale_clients.one_after_the_other(SERVER, "/0", port, 30) for _ in range(51)])
    assert smooth == [1] * 51
    assert server.stop() == (0, "", "")
    assert json.loads(metrics.read_text())["TcpExtTWRecycled"] == 50


def resident_bytes() -> int:
    """VmRSS of this process, without what the C library keeps of freed memory."""
    ctypes.CDLL(None).malloc_trim(0)
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) << 10


@pytest.mark.parametrize(("connections", "time_wait"), [(200, 1), pytest.param(10_000, 60, marks=pytest.mark.long)])
def test_memory_is_back_after_2_msl(netns: Namespace, root: Path, connections: int, time_wait: int) -> None:
    """The same process serves round after round, with a pause of 2 MSL, of which the long run has the default; what it
    takes does not grow.
    """
    pages(root, 1)
    assert time_wait == 1 or TcpConfig().time_wait == time_wait * 1_000_000_000

    async def main() -> tuple[list[int], list[int]]:
        most, resident, full = [], [], []
        start = resident_bytes()
        tcp = TcpConfig(time_wait=time_wait * 1_000_000_000)
        async with pystack.open_tun(tcp=tcp) as net, trio.open_nursery() as nursery:
            host = net._driver.host
            listeners = await net.open_tcp_listeners(80)
            nursery.start_soon(serve_http, listeners, StaticFiles(str(root)), HttpConfig())
            for turn in range(3):
                first = 10_000 + connections * turn
                code = CLIENT.format(ports=range(first, first + connections))
                await trio.run_process([sys.executable, "-c", code], cwd=Path(__file__).parent)
                most.append(len(host.connections.time_waits))
                full.append(resident_bytes())
                with trio.fail_after(10 * time_wait):
                    while host.endpoints() or host.connections.time_waits:  # noqa: ASYNC110 (nothing tells when the last TIME-WAIT ends)
                        await trio.sleep(0.1)
                assert host.memory.held == 0
                resident.append(resident_bytes())
            nursery.cancel_scope.cancel()
        print(f"resident at the start {start}, with {most} in TIME-WAIT {full}, after 2 MSL {resident}")
        return most, resident

    most, resident = netns.call(lambda: trio.run(main), 900)
    assert min(most) > 0, "there was something to give back"
    assert resident[-1] - resident[0] < 2 << 20, resident


def test_spoofed_syns_do_not_keep_others_out(serve: Any, netns: Namespace, run: Run, tmp_path: Path) -> None:
    """The SYN queue holds 1,024: the oldest go, and whoever answers gets in."""
    metrics = tmp_path / "metrics"
    server = serve("--metrics", str(metrics))
    netns.call(lambda: spoofed_syns(2000))
    page = run("curl", "-sS", "--max-time", "3", "http://10.0.0.2/").stdout
    assert b"pystack" in page
    assert server.stop() == (0, "", "")
    counted = json.loads(metrics.read_text())
    assert counted["TcpExtReqQFullDrop"] == 2000 + 1 - 1024
    assert counted["TcpPassiveOpens"] == 1
    assert counted["TcpInSegs"] >= 2000
