"""Faults that know TCP: each is done to chosen packets of a path, and a list of them to one after the other."""

from pystack.link.faults.bleach import BleachEce, BleachEcn, BleachOptions
from pystack.link.faults.chosen import AckUnreceived, AckUnsent, CorruptText, Delay, Drop, Duplicate
from pystack.link.faults.endings import CloseWindow, HalfOpen, Reset, Stall
from pystack.link.faults.faultspec import parse_faults
from pystack.link.faults.flows import Direction
from pystack.link.faults.size import BlackHole, Merge, Split

__all__ = [
    "AckUnreceived",
    "AckUnsent",
    "BlackHole",
    "BleachEce",
    "BleachEcn",
    "BleachOptions",
    "CloseWindow",
    "CorruptText",
    "Delay",
    "Direction",
    "Drop",
    "Duplicate",
    "HalfOpen",
    "Merge",
    "Reset",
    "Split",
    "Stall",
    "parse_faults",
]
