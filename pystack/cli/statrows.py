"""What `pystack stat` shows of a stack, and that as plain text."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

HEADINGS: Final = ("state", "unread", "unsent", "local", "remote", "rtt ms", "cwnd", "flight", "resent")
WORDS: Final = ("state", "local", "remote")
"""The columns that are no numbers."""

Row = Sequence[str]


def headline(stack: dict[str, Any]) -> str:
    """A stack in one line."""
    return (
        f"{stack['device']} of process {stack['pid']}: {', '.join(stack['addresses'])}, MTU {stack['mtu']}, "
        f"up {stack['uptime']:.0f} s, {stack['memory']} bytes of memory held"
    )


def rows(stack: dict[str, Any]) -> Iterator[Row]:
    """Its listeners, sockets and connections, in the columns of `HEADINGS`."""
    for listener in stack["listeners"]:
        yield "LISTEN", str(listener["waiting"]), "", _name(listener, "local"), "*", "", "", "", ""
    for socket in stack["datagrams"]:
        remote = "*" if socket["remote_port"] is None else _name(socket, "remote")
        yield "UDP", "", "", _name(socket, "local"), remote, "", "", "", ""
    for socket in stack["echoes"]:
        local = _joined(socket["local_address"], socket["identifier"])
        yield "ICMP", "", "", local, socket["remote_address"] or "*", "", "", "", ""
    resting = [connection for connection in stack["connections"] if connection["info"] is None]
    if resting:
        # Of a busy server there are thousands, and each says no more than its names: they are in the JSON.
        yield "TIME-WAIT", "", "", f"{len(resting)} of them", "", "", "", "", ""
    for connection in stack["connections"]:
        info = connection["info"]
        if info is None:
            continue
        measured = (
            f"{info['rtt'] / 1000:.1f}",
            str(info["snd_cwnd"]),
            str(info["unacked"]),
            str(info["total_retrans"]),
        )
        queues = str(connection["unread"]), str(connection["unsent"])
        yield connection["state"], *queues, _name(connection, "local"), _name(connection, "remote"), *measured


def lines_of(stacks: list[dict[str, Any]]) -> Iterator[str]:
    """All of them for line-wise tools, with empty lines between the stacks, the table and the counters of each."""
    for number, stack in enumerate(stacks):
        if number:
            yield ""
        yield headline(stack)
        yield ""
        yield from _table([HEADINGS, *rows(stack)])
        if stack["counters"]:
            yield ""
        for name, value in sorted(stack["counters"].items()):
            yield f"{name} {value}"


def _name(view: dict[str, Any], end: str) -> str:
    return _joined(view[f"{end}_address"], view[f"{end}_port"])


def _joined(address: str, number: int) -> str:
    return f"[{address}]:{number}" if ":" in address else f"{address}:{number}"


def _table(found: list[Row]) -> Iterator[str]:
    """Columns as wide as their widest; numbers to the right."""
    widths = [max(map(len, column)) for column in zip(*found, strict=True)]
    for row in found:
        cells = (
            cell.ljust(width) if heading in WORDS else cell.rjust(width)
            for heading, cell, width in zip(HEADINGS, row, widths, strict=True)
        )
        yield "  ".join(cells).rstrip()
