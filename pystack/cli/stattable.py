"""What `pystack stat` shows of stacks, for people at a terminal."""

from typing import Any, Final

from rich.columns import Columns
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from pystack.cli.statrows import HEADINGS, WORDS, headline, rows

_COLOURS: Final = {"LISTEN": "cyan", "UDP": "cyan", "ICMP": "cyan", "ESTABLISHED": "green"}
_OTHER: Final = "yellow"


def picture(stacks: list[dict[str, Any]], failures: list[str], moment: str = "") -> RenderableType:
    """The stacks, one below the other. `moment` is when this was, where it is looked at again and again."""
    parts: list[RenderableType] = [Text(moment, style="dim")] if moment else []
    if not stacks and not failures:
        parts.append(Text("no pystack serve of this user is running now"))
    parts += [Text(sentence, style="red") for sentence in failures]
    for stack in stacks:
        if parts:
            parts.append(Text())
        parts += [Text(headline(stack), style="bold"), Text(), _table(stack), Text(), _counters(stack)]
    return Group(*parts)


def _table(stack: dict[str, Any]) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0), header_style="bold")
    for heading in HEADINGS:
        # Where the terminal is too narrow, addresses go on below: none is cut.
        words = heading in WORDS
        wraps = heading in ("local", "remote")
        table.add_column(heading, justify="left" if words else "right", no_wrap=not wraps, overflow="fold")
    for state, *rest in rows(stack):
        resent = Text(rest[-1], style="red" if rest[-1] not in ("", "0") else "")
        table.add_row(Text(state, style=_COLOURS.get(state, _OTHER)), *map(Text, rest[:-1]), resent)
    return table


def _counters(stack: dict[str, Any]) -> Columns:
    found = [Text.assemble((name, "dim"), f" {value}") for name, value in sorted(stack["counters"].items())]
    return Columns(found, padding=(0, 3), column_first=True)
