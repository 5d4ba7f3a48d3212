"""Which of a host's addresses a packet to some destination is from (RFC 6724 section 5), for one device.

Each rule is a function that gives the more, the better; they decide in the order of the RFC. Rules 4, 5, 5.5 and 7 have
nothing to decide here: there are no home addresses, no second device, no advertised prefixes, no temporary addresses.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from pystack.ip.address import common_prefix, scope_of

_POLICY_TABLE: Final = (
    ("00000000000000000000000000000001", 128, 0),
    ("00000000000000000000ffff00000000", 96, 4),
    ("00000000000000000000000000000000", 96, 3),
    ("20010000000000000000000000000000", 32, 5),
    ("20020000000000000000000000000000", 16, 2),
    ("3ffe0000000000000000000000000000", 16, 12),
    ("fec00000000000000000000000000000", 10, 11),
    ("fc000000000000000000000000000000", 7, 13),
)
"""Prefixes and labels of section 2.1, the longest first; all other addresses have the label 1."""

_LABELS: Final = tuple(
    (128 - prefix, int(network, 16) >> 128 - prefix, label) for network, prefix, label in _POLICY_TABLE
)
_LABEL_OF_OTHERS: Final = 1
_LABEL_OF_IPV4: Final = 4


class Candidate(NamedTuple):
    """An address of ours, the prefix length of its network, and whether new connections better use another."""

    address: bytes
    prefix: int
    is_deprecated: bool = False


def choose(destination: bytes, candidates: Sequence[Candidate], next_hop: bytes) -> bytes:
    """The source for packets to `destination`, of at least one candidate of its family; of equals the first.
    `next_hop` is the neighbour that they go to, a gateway or the destination itself.
    """
    label = label_of(destination)

    def merit(candidate: Candidate) -> tuple[bool, tuple[bool, int], bool, bool, int]:
        address = candidate.address
        return (
            address == destination,  # rule 1
            fit_of_scope(address, destination),  # rule 2
            not candidate.is_deprecated,  # rule 3
            label_of(address) == label,  # rule 6
            nearness(candidate, destination, next_hop),  # rule 8
        )

    return candidates[0].address if len(candidates) == 1 else max(candidates, key=merit).address


def fit_of_scope(source: bytes, destination: bytes) -> tuple[bool, int]:
    """Rule 2: the narrowest scope that is wide enough for the destination, else the widest."""
    reach = scope_of(source)
    return (True, -reach) if reach >= scope_of(destination) else (False, reach)


def label_of(address: bytes) -> int:
    """The label in the default policy table (section 2.1), which sets apart networks that do not talk to each other
    well. IPv4 addresses have that of the mapped ones.
    """
    if len(address) == 4:
        return _LABEL_OF_IPV4
    value = int.from_bytes(address, "big")
    return next((label for shift, network, label in _LABELS if value >> shift == network), _LABEL_OF_OTHERS)


def nearness(candidate: Candidate, destination: bytes, next_hop: bytes) -> int:
    """Rule 8: how many bits of the source's network (section 2.2) it has in common with the destination. IPv4 addresses
    are not given out by topology: theirs count as a whole, and where the packet goes next (RFC 1122 section 3.3.4.3).
    """
    address, prefix, _ = candidate
    if len(address) == 16:
        return min(common_prefix(address, destination), prefix)
    return prefix if common_prefix(address, next_hop) >= prefix else 0
