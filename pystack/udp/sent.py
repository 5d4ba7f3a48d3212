"""What has been sent lately, which an ICMP error must be about to be believed (RFC 5927 section 4)."""

from collections import OrderedDict
from typing import Final, NamedTuple, TypeAlias

Flow: TypeAlias = tuple[int, bytes, int]
"""Our port, and the address and port of the other side."""

_LATELY: Final = 60_000_000_000
"""Nanoseconds in which an error has to come."""

_MOST_FLOWS: Final = 1024
"""As many as paths are remembered; whom nothing has been sent to for longest gives way."""


class _Largest(NamedTuple):
    size: int
    at: int


class Sent:
    """The size of the largest packet that was lately sent to each of the latest destinations, in bytes with the IP
    header.
    """

    __slots__ = ("_flows",)

    def __init__(self) -> None:
        self._flows: OrderedDict[Flow, _Largest] = OrderedDict()

    def note(self, flow: Flow, size: int, now: int) -> None:
        """A packet of `size` bytes leaves."""
        flows = self._flows
        was = flows.get(flow)
        if was is None or size >= was.size or now - was.at > _LATELY:
            flows[flow] = _Largest(size, now)
        flows.move_to_end(flow)
        if len(flows) > _MOST_FLOWS:
            flows.popitem(last=False)

    def has(self, flow: Flow, size: int, now: int) -> bool:
        """Whether a packet of this size can have been sent: one that was as large, or larger, has been."""
        was = self._flows.get(flow)
        return was is not None and size <= was.size and now - was.at <= _LATELY
