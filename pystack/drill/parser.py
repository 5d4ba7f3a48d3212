"""From the text of a script to a `Script`: options, events with their times, and commands without a time."""

from collections.abc import Mapping

from pystack.drill.calllines import parse_call
from pystack.drill.cursor import Cursor
from pystack.drill.packetlines import parse_packet
from pystack.drill.script import (
    NOWHERE,
    Base,
    Call,
    Code,
    Command,
    Direction,
    Event,
    Option,
    Packet,
    Position,
    Script,
    When,
)


def parse(text: str, defines: Mapping[str, str] | None = None) -> Script:
    """Reads a script. `defines` come before those of the script's own `--define` options.

    Raises `ScriptError` where the text is no script, `Unsupported` for packets in tunnels; both say where.
    """
    cursor = Cursor(text)
    options = _parse_options(cursor)
    cursor.defines = _defines_of(cursor, options) | dict(defines or {})
    init_at = cursor.position
    init = _parse_command(cursor)
    events: list[Event] = []
    cleanup: Command | None = None
    cleanup_at = NOWHERE
    while not cursor.is_at_end:
        at = cursor.position
        command = _parse_command(cursor)
        if command is not None:
            cleanup, cleanup_at = command, at
            break
        events.append(_parse_event(cursor, at))
    if not cursor.is_at_end:
        raise cursor.error("nothing comes after a command without a time but the end")
    if not events:
        raise cursor.error("a script has at least one event")
    return Script(options, init, tuple(events), cleanup, init_at, cleanup_at)


def _parse_options(cursor: Cursor) -> tuple[Option, ...]:
    options = []
    at = cursor.position
    while (option := cursor.option()) is not None:
        options.append(Option(*option, at))
        at = cursor.position
    return tuple(options)


def _defines_of(cursor: Cursor, options: tuple[Option, ...]) -> dict[str, str]:
    defines = {}
    for option in options:
        if option.name == "define":
            name, equals, value = (option.value or "").partition("=")
            if not name.isidentifier() or not equals:
                raise cursor.error("--define=NAME=VALUE", option.at)
            defines[name] = value
    return defines


def _parse_command(cursor: Cursor) -> Command | None:
    text = cursor.backquoted()
    return None if text is None else Command(text)


def _parse_event(cursor: Cursor, at: Position) -> Event:
    when, blocks = _parse_when(cursor)
    what: Packet | Call | Command | Code
    if cursor.looks_at("<") or cursor.looks_at(">"):
        what = parse_packet(cursor)
    elif (text := cursor.backquoted()) is not None:
        what = Command(text)
    elif (text := cursor.code()) is not None:
        what = Code(text)
    else:
        what = parse_call(cursor)
    is_outbound = isinstance(what, Packet) and what.direction is Direction.OUTBOUND
    if blocks and not isinstance(what, Call):
        raise cursor.error("only a call takes until (`...`) a time", at)
    if (when.base is Base.ANY or (when.end is not None and not blocks)) and not is_outbound:
        raise cursor.error("only an outbound packet comes at any time (`*`), or in a range (`~`)", at)
    return Event(when, what, at)


def _parse_when(cursor: Cursor) -> tuple[When, bool]:
    """The time, and whether its end is that of a call that blocks."""
    if cursor.accept("*"):
        return When(Base.ANY), False
    base = Base.PREVIOUS if cursor.accept("+") else Base.START
    start = _parse_seconds(cursor)
    at = cursor.position
    blocks = cursor.accept("...")
    if not blocks and not cursor.accept("~"):
        return When(base, start), False
    if cursor.accept("+") != (base is Base.PREVIOUS and not blocks):
        raise cursor.error("the end of a range has a + where its start has one; the end of a call has none", at)
    end = _parse_seconds(cursor)
    if end < start:
        raise cursor.error("the end comes before the start", at)
    return When(base, start, end), blocks


def _parse_seconds(cursor: Cursor) -> int:
    seconds = cursor.seconds()
    if seconds is None:
        raise cursor.unexpected("a time in seconds")
    return seconds
