"""What tshark says of our packets when many connections, and damaged packets, have passed."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import scale_clients
from namespaces import Namespace
from scale_clients import SERVER, SERVER_V6, spoofed_syns

pytestmark = pytest.mark.kernel

TOOL = Path(__file__).parents[2] / "tools" / "fuzz_live.py"
OURS = "frame.packet_flags_direction == 2"
QUOTES = "(icmp.type in {3, 4, 5, 11, 12} || icmpv6.type in {1, 2, 3, 4})"
"""Errors, which quote what was wrong: tshark takes the quote's faults for theirs."""
TEXT = "(tcp.len > 0 || udp)"
"""What an echo says to a forged port: tshark reads it as the protocol that lives there."""
MALFORMED = "_ws.malformed"
BAD_CHECKSUM = " || ".join(f"{protocol}.checksum.status == 0" for protocol in ("ip", "tcp", "udp", "icmp", "icmpv6"))
CHECKS = [text for protocol in ("ip", "tcp", "udp") for text in ("-o", f"{protocol}.check_checksum:TRUE")]


def found(run: Any, capture: Path, what: str) -> list[bytes]:
    """The packets of a capture that a display filter shows."""
    shown: bytes = run("tshark", "-r", str(capture), *CHECKS, "-Y", what).stdout
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
    assert found(run, capture, f"{OURS} && ({MALFORMED} || {BAD_CHECKSUM})") == []
    assert found(run, capture, f"{OURS} && tcp.analysis.ack_lost_segment") == []


def test_damaged_packets_are_answered_with_sound_ones(run: Any, tmp_path: Path) -> None:
    """5,000 packets of `make fuzz-live`, which finds nothing amiss; nor does tshark with what we sent. Which segment
    acknowledges what it cannot tell here: it takes the forged SYNs among them for real.
    """
    capture = tmp_path / "c.pcapng"
    options = ["--packets", "5000", "--seed", "3", "--seconds", "100", "--capture", str(capture)]
    command = [sys.executable, str(TOOL), *options]
    result = subprocess.run(command, capture_output=True, text=True, timeout=200)
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout.endswith("all is well\n")
    assert len(found(run, capture, OURS)) > 500
    assert len(found(run, capture, f"!({OURS}) && ({MALFORMED})")) > 50, "tshark sees what is wrong"
    assert found(run, capture, f"{OURS} && !{QUOTES} && ({BAD_CHECKSUM})") == []
    assert found(run, capture, f"{OURS} && !{QUOTES} && {MALFORMED} && !{TEXT}") == []
    # An error's own headers: the first of their kind in the packet.
    sound = "ip.checksum.status#1 == 1 && icmp.checksum.status == 1 || ipv6 && icmpv6.checksum.status == 1"
    assert found(run, capture, f"{OURS} && {QUOTES} && !({sound})") == []
