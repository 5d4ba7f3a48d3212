"""What tshark says of our packets when many connections, and damaged packets, have passed."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import scale_clients
from capture_audit import faults
from capture_frames import frames
from capture_mutations import mutations
from capture_tshark import OURS, findings, inexcusable
from namespaces import Namespace
from scale_clients import SERVER, SERVER_V6, spoofed_syns

pytestmark = pytest.mark.kernel

TOOL = Path(__file__).parents[2] / "tools" / "fuzz_live.py"
OWN = [bytes((10, 0, 0, 2)), bytes.fromhex("fd007079" + 23 * "0" + "2")]


def found(run: Any, capture: Path, what: str) -> list[bytes]:
    """The packets of a capture that a display filter shows."""
    shown: bytes = run("tshark", "-r", str(capture), "-Y", what).stdout
    return shown.splitlines()


def test_tshark_finds_no_fault_with_many_connections(
    serve: Any, netns: Namespace, run: Any, root: Path, tmp_path: Path
) -> None:
    (root / "0").write_bytes(bytes(5000))
    capture = tmp_path / "c.pcapng"
    server = serve("--root", str(root), "--capture", str(capture))

    def scenario() -> None:
        for address in (SERVER, SERVER_V6):
            scale_clients.all_at_once(address, ["/0"] * 3, 200, 30)
        scale_clients.one_after_the_other(SERVER, "/0", range(20_000, 20_200), 30)
        for _ in range(20):
            scale_clients.one_after_the_other(SERVER, "/0", range(20_000, 20_001), 30)
        spoofed_syns(2000)
        scale_clients.one_after_the_other(SERVER, "/0", range(30_000, 30_001), 30)

    netns.call(scenario)
    assert server.stop() == (0, "", "")
    assert len(found(run, capture, f"{OURS} && http.response.code == 200")) == 1200 + 221
    assert len(found(run, capture, f"{OURS} && tcp.flags.syn == 1")) >= 400 + 221 + 2000
    assert findings(capture) == []
    assert faults(frames(capture), OWN) == []


def test_damaged_packets_are_answered_with_sound_ones(run: Any, tmp_path: Path) -> None:
    """The packets of `make fuzz-live`, which finds nothing amiss; nor does tshark with what we sent but for what can be
    the garbage's fault, of which a second account shows that it is. Packets that are broken in a copy are found.
    """
    capture = tmp_path / "c.pcapng"
    options = ["--packets", "5000", "--seed", "3", "--seconds", "100", "--capture", str(capture)]
    command = [sys.executable, str(TOOL), *options]
    result = subprocess.run(command, capture_output=True, text=True, timeout=200)
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout.endswith("all is well\n")
    captured = list(frames(capture))
    assert sum(frame.ours for frame in captured) > 500
    assert len(found(run, capture, f"!({OURS}) && _ws.malformed")) > 50, "tshark sees what is wrong"
    assert inexcusable(findings(capture), 0) == []
    assert faults(captured, OWN) == []
    broken, numbers = mutations(captured, 0)
    assert len(numbers) > 20
    assert {fault.number for fault in faults(broken, OWN)} >= set(numbers)
