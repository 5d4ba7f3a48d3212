"""`pystack stat`: what running stacks are doing, as `ss` and `nstat` show it of the kernel."""

import json
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Annotated, Any

import typer

from pystack.cli import checks
from pystack.cli.control import ask_all
from pystack.cli.exits import Refusal, ending

_HEADINGS = ("state", "unread", "unsent", "local", "remote", "rtt ms", "cwnd", "flight", "resent")
_CLEAR = "\x1b[H\x1b[2J"


def stat(
    tun: Annotated[str | None, typer.Option(metavar="NAME", help="Only the stack on this device.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object, with all that is known.")] = False,
    watch: Annotated[
        float | None,
        typer.Option(metavar="SECONDS", help="Again and again, until Ctrl-C.", show_default=False),
    ] = None,
) -> None:
    """Show the connections, listeners and counters of each `pystack serve` that this user runs.

    Ends with 0, and with 2 where none is running.
    """
    with ending():
        if watch is not None and not checks.seconds("watch", watch):
            raise Refusal("--watch 0 would never rest: give some seconds")
        try:
            for number, _ in enumerate(_turns(watch)):
                _show(
                    ask_all(tun),
                    tun,
                    as_json=as_json,
                    clear=watch is not None and sys.stdout.isatty(),
                    first=not number,
                )
        except KeyboardInterrupt:
            if watch is None:
                raise


def _turns(watch: float | None) -> Iterator[None]:
    yield
    while watch is not None:
        time.sleep(watch)
        yield


def _show(stacks: list[dict[str, Any]], tun: str | None, *, as_json: bool, clear: bool, first: bool) -> None:
    if not stacks and first:
        where = "here" if tun is None else f"on {tun}"
        raise Refusal(f"no pystack serve of this user is running {where}: one that root runs is shown to root alone")
    if as_json:
        print(json.dumps({"stacks": stacks}), flush=True)
        return
    text = "\n".join(line for stack in stacks for line in lines_of(stack))
    print(_CLEAR + text if clear else text, flush=True)


def lines_of(stack: dict[str, Any]) -> Iterator[str]:
    """One stack for people and for line-wise tools."""
    yield (
        f"{stack['device']} of process {stack['pid']}: {', '.join(stack['addresses'])}, MTU {stack['mtu']}, "
        f"up {stack['uptime']:.0f} s, {stack['memory']} bytes of memory held"
    )
    yield from _table(_rows(stack))
    for name, value in sorted(stack["counters"].items()):
        yield f"{name} {value}"


def _rows(stack: dict[str, Any]) -> Iterator[Sequence[str]]:
    yield _HEADINGS
    for listener in stack["listeners"]:
        yield "LISTEN", str(listener["waiting"]), "", _name(listener, "local"), "*", "", "", "", ""
    for socket in stack["datagrams"]:
        remote = _name(socket, "remote") if "remote_port" in socket else "*"
        yield "UDP", "", "", _name(socket, "local"), remote, "", "", "", ""
    resting = [connection for connection in stack["connections"] if connection["info"] is None]
    if resting:
        # Of a busy server there are thousands, and each says no more than its names: they are in the JSON.
        yield "TIME-WAIT", "", "", f"{len(resting)} of them", "", "", "", "", ""
    for connection in stack["connections"]:
        if connection["info"] is None:
            continue
        info = connection["info"]
        measured = (
            f"{info['rtt'] / 1000:.1f}",
            str(info["snd_cwnd"]),
            str(info["unacked"]),
            str(info["total_retrans"]),
        )
        queues = str(connection["unread"]), str(connection["unsent"])
        yield connection["state"], *queues, _name(connection, "local"), _name(connection, "remote"), *measured


def _name(view: dict[str, Any], end: str) -> str:
    address, port = view[f"{end}_address"], view[f"{end}_port"]
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _table(rows: Iterator[Sequence[str]]) -> Iterator[str]:
    """Columns as wide as their widest; numbers to the right."""
    found = list(rows)
    widths = [max(map(len, column)) for column in zip(*found, strict=True)]
    for row in found:
        cells = (
            cell.ljust(width) if heading in ("state", "local", "remote") else cell.rjust(width)
            for heading, cell, width in zip(_HEADINGS, row, widths, strict=True)
        )
        yield "  ".join(cells).rstrip()
