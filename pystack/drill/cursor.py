"""A place in the text of a script, and the tokens that can be read there.

Which characters make a token hangs on the place: `.5` is a time before an event and flags in a packet line, `1:1001` is
no address. So there is no pass that cuts a script into tokens; the parsers say what they read next.
"""

import re
from bisect import bisect_right
from collections.abc import Mapping
from typing import Final

from pystack.drill.errors import ScriptError
from pystack.drill.script import Position

_BLANK: Final = re.compile(r"(?:\s+|//[^\n]*|/\*.*?\*/)+", re.DOTALL)
_WORD: Final = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_INTEGER: Final = re.compile(r"-?(?:0[xX][0-9a-fA-F]+|\d+)(?!\w|\.\d)", re.ASCII)
_SECONDS: Final = re.compile(r"(\d*)(?:\.(?!\.)(\d+))?", re.ASCII)
_STRING: Final = re.compile(r'"((?:[^"\\\n]|\\.)*)"')
_BACKQUOTED: Final = re.compile(r"`([^`]*)`")
_CODE: Final = re.compile(r"%\{(.*?)\}%", re.DOTALL)
_OPTION: Final = re.compile(r"""--([A-Za-z]\w*)(?:=((?:"[^"\n]*"|`[^`\n]*`|[^\s"`])*))?(?=\s|$)""", re.ASCII)
_ESCAPE: Final = re.compile(r"\\(x[0-9a-fA-F]{1,2}|[0-7]{1,3}|.)", re.DOTALL)
_ESCAPES: Final = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}
_PLAIN: Final = frozenset("\\\"'?")
_NANOSECONDS_PER_MICROSECOND: Final = 1000
_MAX_DIGITS: Final = 20


class Cursor:
    """Reads `text` from its start. `defines` are words that stand for other text (`--define`), put in wherever such a
    word stands; what is put in is not looked at for words again. Whatever is read skips blanks and comments first.
    """

    def __init__(self, text: str, defines: Mapping[str, str] | None = None) -> None:
        self._text = text
        self._pos = 0
        self._lines = [0, *(match.end() for match in re.finditer("\n", text))]
        self.defines: dict[str, str] = dict(defines or {})
        self._grown: list[tuple[int, int, int]] = []
        """Where text was put in: the place before which nothing changed, the place behind it, how much longer it is."""

    # Where we are

    @property
    def position(self) -> Position:
        """Where the next token begins, in the text as it was written."""
        self._skip()
        return self._position(self._pos)

    def _position(self, pos: int) -> Position:
        for start, end, growth in reversed(self._grown):
            if pos >= end:
                pos -= growth
            elif pos > start:
                pos = start
        line = bisect_right(self._lines, pos)
        return Position(line, pos - self._lines[line - 1] + 1)

    def error(self, message: str, at: Position | None = None) -> ScriptError:
        """To be raised: what is wrong with the next token, or at another place."""
        return ScriptError(message, at or self.position)

    def unexpected(self, wanted: str) -> ScriptError:
        """To be raised: something else stands where `wanted` has to."""
        self._skip()
        rest = self._text[self._pos : self._pos + 20].split("\n")[0].split(" ")[0]
        return self.error(f"{wanted} expected, not {rest!r}" if rest else f"{wanted} expected, not the end of the line")

    @property
    def is_at_end(self) -> bool:
        """Whether nothing but blanks and comments follows."""
        self._skip()
        return self._pos == len(self._text)

    # Tokens

    def looks_at(self, literal: str) -> bool:
        """Whether the next characters are these."""
        self._skip()
        return self._text.startswith(literal, self._pos)

    def matches(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """What `pattern` finds at this place, without going on."""
        self._skip()
        return pattern.match(self._text, self._pos)

    def take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """What `pattern` finds at this place, which is then behind us; `None` and nothing happens where it does not."""
        match = self.matches(pattern)
        if match is not None:
            self._pos = match.end()
        return match

    def accept(self, literal: str) -> bool:
        """Goes on behind these characters where they are the next ones."""
        if not self.looks_at(literal):
            return False
        self._pos += len(literal)
        return True

    def expect(self, literal: str) -> None:
        """Goes on behind these characters; `ScriptError` where they are not the next ones."""
        if not self.accept(literal):
            raise self.unexpected(f"`{literal}`")

    def word(self) -> str | None:
        """A word, `None` where there is none."""
        match = self.take(_WORD)
        return match[0] if match else None

    def expect_word(self, wanted: str) -> str:
        """A word; `wanted` says which kind of."""
        word = self.word()
        if word is None:
            raise self.unexpected(wanted)
        return word

    def looks_at_word(self, *words: str) -> bool:
        """Whether the next token is one of these words."""
        match = self.matches(_WORD)
        return match is not None and match[0] in words

    def accept_word(self, word: str) -> bool:
        """Goes on behind this word where it is the next one."""
        if not self.looks_at_word(word):
            return False
        self._pos += len(word)
        return True

    def integer(self) -> int | None:
        """An integer, decimal or `0x…`, with a sign or not; `None` where there is none."""
        match = self.matches(_INTEGER)
        if match is None:
            return None
        if len(match[0]) > _MAX_DIGITS:
            raise self.error("this number has too many digits")
        self._pos = match.end()
        return int(match[0], 0) if "x" in match[0].lower() else int(match[0])

    def number(self, what: str, bits: int = 32) -> int:
        """A number, decimal or `0x…`, for a field of so many bits; `what` names the field."""
        match = self.matches(_INTEGER)
        if match is None or match[0].startswith("-"):
            raise self.unexpected(what)
        value = int(match[0], 0 if "x" in match[0].lower() else 10) if len(match[0]) <= _MAX_DIGITS else 1 << 64
        if value >> bits:
            raise self.error(f"{what} does not fit into {bits} bits")
        self._pos = match.end()
        return value

    def seconds(self) -> int | None:
        """Seconds, as nanoseconds: `1`, `0.25`, `.5`, cut to microseconds. `None` where there are none."""
        match = self.matches(_SECONDS)
        if match is None or not match[0]:
            return None
        whole, fraction = match[1], match[2] or ""
        if len(whole) > _MAX_DIGITS // 2:
            raise self.error("such a time does not come")
        self._pos = match.end()
        microseconds = int(whole or "0") * 1_000_000 + int(fraction[:6].ljust(6, "0"))
        return microseconds * _NANOSECONDS_PER_MICROSECOND

    def string(self) -> bytes | None:
        """A string in double quotes, with C's escapes; `None` where there is none."""
        if not self.looks_at('"'):
            return None
        match = self.matches(_STRING)
        if match is None:
            raise self.error("this string does not end")
        try:
            value = _ESCAPE.sub(_unescaped, match[1]).encode("latin-1")
        except ValueError as error:
            raise self.error(f"in this string: {error}") from None
        self._pos = match.end()
        return value

    def backquoted(self) -> str | None:
        """What stands between backquotes; `None` where there is none."""
        return self._delimited("`", _BACKQUOTED, "this command")

    def code(self) -> str | None:
        """What stands between `%{` and `}%`; `None` where there is none."""
        return self._delimited("%{", _CODE, "this code block")

    def option(self) -> tuple[str, str | None] | None:
        """`--name` or `--name=value`; `None` where there is none."""
        if not self.looks_at("--"):
            return None
        match = self.take(_OPTION)
        if match is None:
            raise self.unexpected("`--name` or `--name=value`")
        return match[1], match[2]

    def _delimited(self, opening: str, pattern: re.Pattern[str], what: str) -> str | None:
        if not self.looks_at(opening):
            return None
        match = self.take(pattern)
        if match is None:
            raise self.error(f"{what} does not end")
        return match[1]

    def _skip(self) -> None:
        blank = _BLANK.match(self._text, self._pos)
        if blank is not None:
            self._pos = blank.end()
        if self._text.startswith("/*", self._pos):
            raise ScriptError("this comment does not end", self._position(self._pos))
        if self.defines:
            self._put_in()

    def _put_in(self) -> None:
        if self._grown and self._pos < self._grown[-1][1]:
            return
        match = _WORD.match(self._text, self._pos)
        if match is None or match[0] not in self.defines:
            return
        value = self.defines[match[0]]
        self._text = self._text[: self._pos] + value + self._text[match.end() :]
        end = self._pos + len(value)
        self._grown.append((self._pos, end, len(value) - len(match[0])))


def _unescaped(match: re.Match[str]) -> str:
    escape = match[1]
    if escape[0] == "x" and len(escape) > 1:
        return chr(int(escape[1:], 16))
    if escape.isdigit():
        code = int(escape, 8)
        if code > 0xFF:
            raise ValueError(f"\\{escape} is no byte")
        return chr(code)
    if escape in _ESCAPES:
        return _ESCAPES[escape]
    if escape in _PLAIN:
        return escape
    raise ValueError(f"\\{escape} is no escape")
