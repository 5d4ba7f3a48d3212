"""A connection's statistics under the names, in the units and with the numbers of Linux's `struct tcp_info`."""

from dataclasses import fields
from typing import Final

from pystack.tcp.info import TcpInfo

_STATES: Final = {
    "ESTABLISHED": 1,
    "SYN-SENT": 2,
    "SYN-RECEIVED": 3,
    "FIN-WAIT-1": 4,
    "FIN-WAIT-2": 5,
    "TIME-WAIT": 6,
    "CLOSED": 7,
    "CLOSE-WAIT": 8,
    "LAST-ACK": 9,
    "LISTEN": 10,
    "CLOSING": 11,
}
_OPTIONS: Final = {"timestamps": 1, "sack": 2, "wscale": 4, "ecn": 8, "ecn_seen": 16}
_OWN: Final = frozenset(("state", "congestion", *_OPTIONS))
"""Fields that are no numbers of Linux's as they are."""


def as_linux(info: TcpInfo) -> dict[str, int]:
    """What `pystack.drill.dut.Dut.tcp_info` gives."""
    found = {each.name: int(getattr(info, each.name)) for each in fields(info) if each.name not in _OWN}
    found["state"] = _STATES[info.state]
    found["options"] = sum(bit for name, bit in _OPTIONS.items() if getattr(info, name, False))
    return found
