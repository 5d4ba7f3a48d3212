"""IPv4 options (RFC 791 section 3.1), of which a host needs to know no more than how to get past them (RFC 1122
section 3.2.1.8; RFC 9293 MUST-50) and which ones are source routes.
"""

from pystack.wire.buffers import Buffer
from pystack.wire.errors import Malformed
from pystack.wire.ipv4 import HEADER_BYTES

END, NOP = 0, 1
LOOSE_SOURCE_ROUTE, STRICT_SOURCE_ROUTE = 131, 137

SOURCE_ROUTES = frozenset((LOOSE_SOURCE_ROUTE, STRICT_SOURCE_ROUTE))


class BadOption(Malformed):
    """An option whose length cannot be. `pointer`: its offset from the start of the IPv4 header (RFC 792)."""

    def __init__(self, pointer: int) -> None:
        super().__init__("IpInHdrErrors", f"the IPv4 option at {pointer} has a length that cannot be")
        self.pointer = pointer


def kinds(options: Buffer) -> list[int]:
    """The types of the options behind an IPv4 header, without the paddings. Raises `BadOption`."""
    found: list[int] = []
    at = 0
    while at < len(options) and options[at] != END:
        if options[at] == NOP:
            at += 1
            continue
        length = options[at + 1] if at + 1 < len(options) else 0
        if length < 2 or at + length > len(options):
            raise BadOption(HEADER_BYTES + at)
        found.append(options[at])
        at += length
    return found
