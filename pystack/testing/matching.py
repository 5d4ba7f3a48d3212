"""Whether a packet is the one that a script expects, and what to say when it is not."""

from collections.abc import Mapping
from typing import Any

from pystack.testing import glue
from pystack.wire.render import render

_ANYWHERE = object()


class Expectation:
    """A packet with `layer` (a class of scapy's; None: any packet) whose `fields` have these values. A value may be a
    function of one argument that says whether the field's value will do. `text` is what it carries, `size` how many
    bytes of it.
    """

    __slots__ = ("fields", "layer", "size", "text")

    def __init__(self, layer: Any, fields: Mapping[str, Any], text: bytes | None, size: int | None) -> None:
        self.layer = layer
        self.fields = fields
        self.text = text
        self.size = size

    def problems(self, packet: Any) -> list[str]:
        """What is wrong with a packet, one line each; empty where nothing is."""
        if self.layer is not None and glue.find(packet, self.layer) is None:
            return [f"there is no {self.layer.__name__} in it"]
        found = []
        for name, wanted in self.fields.items():
            value = field_of(packet, self.layer, name)
            if value is _ANYWHERE:
                found.append(f"it has no field {name}")
            elif not _agrees(value, wanted):
                found.append(f"{name} is {_shown(value)}")
        text = glue.text_of(packet)
        if self.text is not None and text != self.text:
            found.append(f"its text is {_shown(text)}")
        if self.size is not None and len(text) != self.size:
            found.append(f"it has {len(text)} bytes of text")
        return found

    def __str__(self) -> str:
        parts = [f"{name}={_shown(value)}" for name, value in self.fields.items()]
        if self.text is not None:
            parts.append(f"text {_shown(self.text)}")
        if self.size is not None:
            parts.append(f"{self.size} bytes of text")
        return " ".join(["any packet" if self.layer is None else self.layer.__name__, *parts])

    def actual(self, packet: Any) -> str:
        """The same fields of the packet that came, in the same order, for a reader to compare line with line."""
        found = glue.find(packet, self.layer) if self.layer is not None else None
        parts = []
        for name in self.fields:
            value = field_of(packet, self.layer, name)
            if value is not _ANYWHERE:
                parts.append(f"{name}={_shown(value)}")
        text = glue.text_of(packet)
        if self.text is not None:
            parts.append(f"text {_shown(text)}")
        if self.size is not None:
            parts.append(f"{len(text)} bytes of text")
        name = "no such layer" if self.layer is not None and found is None else "any packet"
        return " ".join([name if found is None else self.layer.__name__, *parts])


def field_of(packet: Any, layer: Any, name: str) -> Any:
    """A field of `layer`, else of the outermost layer that has one of this name."""
    first = glue.find(packet, layer) if layer is not None else None
    layers = list(glue.walk(packet)) if first is None else [first, *glue.walk(packet)]
    for candidate in layers:
        if any(field.name == name for field in candidate.fields_desc):
            return candidate.getfieldval(name)
    return _ANYWHERE


def line(at: int, arrow: str, data: bytes) -> str:
    """One packet of the listing: seconds, direction, and the packet in tcpdump's manner."""
    return f"{at / 1e9:13.6f} {arrow} {render(data)}"


def _agrees(value: Any, wanted: Any) -> bool:
    if callable(wanted):
        return bool(wanted(value))
    if isinstance(wanted, str) and hasattr(value, "flagrepr"):
        return set(str(value)) == set(wanted)  # whatever the order of the letters
    return bool(value == wanted)


def _shown(value: Any) -> str:
    if hasattr(value, "flagrepr"):
        return str(value) or "(none)"
    if callable(value):
        return getattr(value, "__name__", "as a function says").replace("<lambda>", "(as a function says)")
    if isinstance(value, bytes) and len(value) > 40:
        return f"{value[:32]!r}… ({len(value)} bytes)"
    return value if isinstance(value, str) else repr(value)
