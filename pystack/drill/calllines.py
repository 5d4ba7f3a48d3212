"""From the text of a system call to a `Call`: the arguments as expressions, the result and its errno."""

import re
from typing import Final

from pystack.drill.cursor import Cursor
from pystack.drill.script import Applied, Argument, Braces, Brackets, Call, Either, Member, Name, Text

_NOTE: Final = re.compile(r"\([^()\n]*(?:\([^()\n]*\)[^()\n]*)*\)")
_MAX_DEPTH: Final = 16


def parse_call(cursor: Cursor) -> Call:
    """Reads `name(argument, …) = result [ERRNO] [(any words)]`."""
    name = cursor.expect_word("a packet (< or >), a call, a command or a code block")
    cursor.expect("(")
    arguments = _parse_list(cursor, ")", 0)
    cursor.expect("=")
    begin = cursor.position
    result = _parse_expression(cursor, 0)
    if not isinstance(result, int | Name | Either):
        raise cursor.error("a result is a number", begin)
    errno = (cursor.word() or "") if result == -1 else ""
    cursor.take(_NOTE)
    return Call(name, arguments, result, errno)


def _parse_list(cursor: Cursor, closing: str, depth: int) -> tuple[Argument, ...]:
    items: list[Argument] = []
    if cursor.accept(closing):
        return ()
    items.append(_parse_expression(cursor, depth))
    while cursor.accept(","):
        items.append(_parse_expression(cursor, depth))
    cursor.expect(closing)
    return tuple(items)


def _parse_expression(cursor: Cursor, depth: int) -> Argument:
    if depth > _MAX_DEPTH:
        raise cursor.error("this is nested too deeply")
    if cursor.accept("..."):
        return ...
    if cursor.accept("["):
        return Brackets(_parse_list(cursor, "]", depth + 1))
    if cursor.accept("{"):
        return Braces(_parse_members(cursor, depth + 1))
    if cursor.looks_at('"'):
        return _parse_text(cursor)
    parts = [_parse_part(cursor)]
    if isinstance(parts[0], Name) and cursor.accept("("):
        return Applied(parts[0].text, _parse_list(cursor, ")", depth + 1))
    while cursor.accept("|"):
        parts.append(_parse_part(cursor))
    return parts[0] if len(parts) == 1 else Either(tuple(parts))


def _parse_part(cursor: Cursor) -> int | Name:
    number = cursor.integer()
    if number is not None:
        return number
    return Name(cursor.expect_word("a value"))


def _parse_text(cursor: Cursor) -> Text:
    pieces = []
    while (piece := cursor.string()) is not None:
        pieces.append(piece)
    return Text(b"".join(pieces), goes_on=cursor.accept("..."))


def _parse_members(cursor: Cursor, depth: int) -> tuple[Member, ...]:
    members: list[Member] = []
    while not cursor.accept("}"):
        if members:
            cursor.expect(",")
        members.append(_parse_member(cursor, depth))
    return tuple(members)


def _parse_member(cursor: Cursor, depth: int) -> Member:
    value = _parse_expression(cursor, depth)
    if not cursor.accept("="):
        return Member("", value)
    if isinstance(value, Name):
        return Member(value.text, _parse_expression(cursor, depth))
    if isinstance(value, Applied) and len(value.arguments) == 1:
        return Member(value.name, _parse_expression(cursor, depth), value.arguments[0])
    raise cursor.error("only a name has a value")
