"""What tshark finds wrong with the packets that a stack has sent, and what of it cannot be excused."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

MALFORMED, CHECKSUM, UNSEEN = "malformed", "bad checksum", "ACKed unseen segment"
PROTOCOLS = ("ip", "tcp", "udp", "icmp", "icmpv6")
OURS = "frame.packet_flags_direction == 2"
SUSPECT = " || ".join(
    ("_ws.malformed", "tcp.analysis.ack_lost_segment", *(f"{p}.checksum.status == 0" for p in PROTOCOLS))
)
FIELDS = (
    "frame.number",
    "frame.protocols",
    "_ws.malformed",
    "tcp.analysis.ack_lost_segment",
    "icmp.type",
    "icmpv6.type",
    "ip.fragment.count",
    "ipv6.fragment.count",
)
OPTIONS = [text for p in ("ip", "tcp", "udp") for text in ("-o", f"{p}.check_checksum:TRUE")]
TEXT_IS_TEXT = [text for p in ("tcp", "udp") for text in ("-d", f"{p}.port==0-65535,data")]
"""What an echo says to a forged port is not of the protocol that lives there."""
ERRORS = {"icmp": {3, 11, 12}, "icmpv6": {1, 2, 3, 4}}


class Finding(NamedTuple):
    """tshark's word on a frame; `quotes`: it is an ICMP error, `joined`: it has the last fragment of a datagram."""

    number: int
    what: str
    quotes: bool
    joined: bool


def findings(capture: Path) -> list[Finding]:
    """All that tshark finds, but the faults of a checksum within a quote: that checksum is not ours."""
    fields = (*FIELDS, *(f"{p}.checksum.status" for p in PROTOCOLS))
    suspect = ("-r", str(capture), "-Y", f"{OURS} && ({SUSPECT})")
    shape = ("-T", "fields", "-E", "occurrence=f", *(text for field in fields for text in ("-e", field)))
    command = ["tshark", "-n", *OPTIONS, *TEXT_IS_TEXT, *suspect, *shape]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return [found for line in shown.splitlines() for found in _findings(*line.split("\t"))]


def _findings(
    number: str, layers: str, malformed: str, unseen: str, v4: str, v6: str, pieces4: str, pieces6: str, *sums: str
) -> Iterator[Finding]:
    # The first occurrence of a field is that of our own header, if this is a protocol of ours.
    transport = next((layer for layer in layers.split(":") if layer in PROTOCOLS[1:]), "")
    kind = {"icmp": v4, "icmpv6": v6}.get(transport)
    quotes = bool(kind) and int(str(kind)) in ERRORS[transport]
    status = dict(zip(PROTOCOLS, sums, strict=True))
    joined = bool(pieces4 or pieces6)
    if malformed:
        yield Finding(int(number), MALFORMED, quotes, joined)
    if unseen:
        yield Finding(int(number), UNSEEN, quotes, joined)
    if "0" in (status["ip"], status.get(transport)):
        yield Finding(int(number), CHECKSUM, quotes, joined)


def inexcusable(found: list[Finding], first_forged: int) -> list[Finding]:
    """What no garbage can be the reason of: tshark takes an error's quote for the error's own, and from frame
    `first_forged` on segments with forged numbers for the peer's, and forged fragments for some of our own. Whether our
    part of these is right the audit tells.
    """
    return [
        f
        for f in found
        if not (f.what == MALFORMED and f.quotes)
        and not (f.number > first_forged and (f.what == UNSEEN or (f.what == CHECKSUM and f.joined)))
    ]
