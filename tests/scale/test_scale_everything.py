"""One live server, and all in one capture: many connections, UDP, bad endings, loss, damaged packets. What tshark and
an account of our own say of every packet that it has sent.
"""

import json
import socket
import subprocess
from ipaddress import ip_address
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import scale_clients
import scale_endings
from capture_audit import faults
from capture_frames import Frame, frames
from capture_mutations import mutations
from capture_tshark import findings, inexcusable
from namespaces import Namespace
from scale_clients import SERVER, SERVER_V6, spoofed_syns

pytestmark = [pytest.mark.kernel, pytest.mark.long]

FORGED_FROM_HERE_ON = b"from here on packets are forged"
FUZZ_PACKETS = 200_000


def connections(count: int) -> None:
    """1,000 at once in each family, `count` one after the other, 50 that come back from a port in TIME-WAIT."""
    for address in (SERVER, SERVER_V6):
        assert len(scale_clients.all_at_once(address, ["/0", "/1", "/2", "/3"], 1000, 60)) == 4000
    for ports in (range(10_000, 10_000 + count), *(range(9000, 9001) for _ in range(51))):
        scale_clients.one_after_the_other(SERVER, "/0", ports, 60)  # which sees each of them answered


def endings() -> None:
    """Of all four kinds. A time-out comes for SYN,ACKs that nobody answers; who is silent later goes away before."""
    scale_endings.udp()
    scale_endings.refused()
    scale_endings.reset()
    assert scale_endings.cut_off(scale_endings.UNREACHABLE_PORT, 2) == 0
    assert scale_endings.cut_off(scale_endings.SILENT_PORT, 2) == 0
    spoofed_syns(10)
    assert scale_endings.lossy() < len(scale_endings.LOSSY_PORTS), "some packets were lost"


def fuzz(tools: tuple[ModuleType, ModuleType]) -> list[str]:
    """The packets of `make fuzz-live` to the same server. Returns who is not answered afterwards."""
    fuzz_packets, fuzz_live = tools
    own, peers = (
        [ip_address(a).packed for a in group] for group in (fuzz_live.OWN, fuzz_live.KERNEL + fuzz_live.STRANGERS)
    )
    with socket.socket(type=socket.SOCK_DGRAM) as s:
        s.sendto(FORGED_FROM_HERE_ON, ("10.0.0.2", 9))
    packets = fuzz_packets.Packets(1, own, peers, [80, 7, 9, 19])
    wire = fuzz_live.Wire(fuzz_live.DEVICE)
    feed = fuzz_live.Feed(wire, lambda: None, packets, 500, lambda done: None)
    feed.run(FUZZ_PACKETS)
    feed.leave()
    assert feed.drawn == FUZZ_PACKETS
    assert wire.dropped() == 0
    return list(fuzz_live.answers())


def first_forged(captured: list[Frame]) -> int:
    """The number of the frame that says so."""
    return next(f.number for f in captured if not f.ours and f.data.endswith(FORGED_FROM_HERE_ON))


def test_no_packet_that_is_ours_is_wrong(
    serve: Any, netns: Namespace, root: Path, tmp_path: Path, tools: tuple[ModuleType, ModuleType]
) -> None:
    for number, name in enumerate(("0", "1", "2", "3", "index.html")):
        (root / name).write_bytes(bytes(1 + 3000 * number))
    capture, metrics = tmp_path / "c.pcapng", tmp_path / "metrics"
    live = tools[1]
    netns.call(live.make_device)
    inside = ["ip", "netns", "exec", netns.name]
    subprocess.run([*inside, "nft", "-f", "-"], input=scale_endings.RULES, text=True, check=True)
    options = ["--tun", live.DEVICE, "--host-address", "none", "--root", str(root)]
    options += ["--echo", "7", "--discard", "9", "--chargen", "19"]
    server = serve(*options, "--metrics", str(metrics), "--capture", str(capture))
    dropped = netns.call(lambda: live.Wire(live.DEVICE).statistics()[1])
    netns.call(endings)
    netns.call(lambda: connections(10_000), 600)
    assert netns.call(lambda: fuzz(tools), 600) == []
    assert server.stop() == (0, "", "")
    read, lost = netns.call(lambda: live.Wire(live.DEVICE).statistics())
    assert lost == dropped
    counted = json.loads(metrics.read_text())
    assert list(live.unaccounted(counted, read)) == []
    assert counted["TcpExtTWRecycled"] >= 50
    assert "TcpExtListenOverflows" not in counted

    captured = list(frames(capture))
    own = [ip_address(a).packed for a in live.OWN]
    forged = first_forged(captured)
    assert sum(not f.ours for f in captured) == read, "all of it"
    found = findings(capture)
    print(f"{len(captured)} packets, {sum(f.ours for f in captured)} of ours, {forged} before the first that is forged")
    print(f"{capture.stat().st_size} bytes; tshark: {len(found)} findings")
    assert faults(captured, own) == []
    assert inexcusable(found, forged) == []
    assert len(captured) - forged > FUZZ_PACKETS
    assert len([f for f in found if f.number > forged]) > 1000, "tshark has looked"
    capture.unlink()

    for first in (0, forged):
        broken, numbers = mutations(captured, first)
        assert len(numbers) > 10
        assert {fault.number for fault in faults(broken, own)} >= set(numbers), "the account tells right from wrong"
