import io
import shutil
import subprocess
from pathlib import Path

import pytest
from scapy.all import ICMP, IP, TCP, UDP, IPv6, Raw
from scapy.utils import PcapNgReader

from pystack.link.pcapng import PcapngWriter

NOW = 1_700_000_000_123_456_789
REQUEST = bytes(IP(src="10.0.0.1", dst="10.0.0.2") / ICMP() / Raw(b"abc"))
REPLY = bytes(IPv6(src="fd00::2", dst="fd00::1") / TCP(sport=80, dport=4000) / Raw(b"hello"))


def write_capture(file: io.BufferedIOBase, snaplen: int = 0) -> None:
    writer = PcapngWriter(file, "tun0", snaplen)  # type: ignore[arg-type]
    writer.write(REQUEST, NOW, outbound=False)
    writer.write((REPLY[:40], memoryview(REPLY)[40:]), NOW + 1, outbound=True, comment="data – again")
    writer.flush()


def test_scapy_reads_back_every_packet_with_its_time_direction_and_reason() -> None:
    buffer = io.BytesIO()
    write_capture(buffer)
    buffer.seek(0)
    first, second = list(PcapNgReader(buffer))
    assert (bytes(first), bytes(second)) == (REQUEST, REPLY)
    assert (first[IP].dst, second[IPv6].dst) == ("10.0.0.2", "fd00::1")
    assert [int(packet.time * 10**9) for packet in (first, second)] == [NOW, NOW + 1]
    assert (first.direction, second.direction) == (1, 2)  # inbound, outbound
    assert (first.sniffed_on, second.sniffed_on) == ("tun0", "tun0")
    assert first.comments is None
    assert second.comments == ["data – again".encode()]


def test_a_snap_length_cuts_what_is_kept_and_keeps_the_true_length() -> None:
    buffer = io.BytesIO()
    write_capture(buffer, snaplen=20)
    buffer.seek(0)
    first, second = list(PcapNgReader(buffer))
    assert (bytes(first), bytes(second)) == (REQUEST[:20], REPLY[:20])
    assert (first.wirelen, second.wirelen) == (len(REQUEST), len(REPLY))


@pytest.mark.parametrize("length", range(28, 33))
def test_blocks_are_padded_to_four_bytes_for_any_length_of_packet(length: int) -> None:
    packet = bytes(IP(len=length) / UDP() / Raw(bytes(length - 28)))
    buffer = io.BytesIO()
    writer = PcapngWriter(buffer, "a" * length)
    for count in range(3):
        writer.write(packet, NOW + count, outbound=True, comment="r" * length)
    assert len(buffer.getvalue()) % 4 == 0
    buffer.seek(0)
    assert [bytes(read) for read in PcapNgReader(buffer)] == [packet] * 3


@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
def test_tshark_reads_it_without_a_complaint(tmp_path: Path) -> None:
    file = tmp_path / "capture.pcapng"
    with file.open("wb") as capture:
        write_capture(capture)
    fields = [
        "frame.time_epoch",
        "frame.interface_name",
        "frame.packet_flags_direction",
        "frame.comment",
        "ip.dst",
        "ipv6.dst",
    ]
    arguments = [argument for field in fields for argument in ("-e", field)]
    shown = subprocess.run(
        ["tshark", "-n", "-r", file, "-T", "fields", "-E", "separator=|", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert shown.stdout.splitlines() == [
        "1700000000.123456789|tun0|0x00000001||10.0.0.2|",
        "1700000000.123456790|tun0|0x00000002|data – again||fd00::1",
    ]
    assert [line for line in shown.stderr.splitlines() if "Running as user" not in line] == []
