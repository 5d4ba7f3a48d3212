"""Shell commands, recognised and never run: what each comes to for a stack in the same process."""

import re
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

_JOINS: Final = frozenset((";", "&&", "\n"))
_OPERATORS: Final = frozenset("();<>|&\n")
_SETTING: Final = re.compile(r"([A-Za-z_][\w.\-/]*)=(.*)", re.DOTALL)
_TO_NOWHERE: Final = re.compile(r"(?:\s|^)(?:&>|\d?>)\s*(?:/dev/null|&\d)(?=[\s;&]|$)")
_SECOND: Final = 1_000_000_000
_PROC: Final = "/proc/sys/"


class UnknownCommand(ValueError):
    """A command that means nothing here."""


@dataclass(frozen=True, slots=True)
class SetSysctl:
    """`sysctl -w name=value`; the name has dots."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class SetDefaults:
    """The profile of settings that scripts begin with."""


@dataclass(frozen=True, slots=True)
class Sleep:
    """So many nanoseconds go by."""

    duration: int


@dataclass(frozen=True, slots=True)
class ChangeRoute:
    """`ip route change … mtu lock N advmss N initcwnd N`; `None`: not said."""

    mtu: int | None = None
    mtu_locked: bool = False
    advmss: int | None = None
    initcwnd: int | None = None


Step = SetSysctl | SetDefaults | Sleep | ChangeRoute


def steps_of(text: str) -> list[Step]:
    """What a command comes to, in order; a command without an effect comes to nothing. Raises `UnknownCommand`."""
    steps: list[Step] = []
    for words in _commands(text):
        steps += _understood(words)
    return steps


def _commands(text: str) -> list[list[str]]:
    """The words of each command. `;`, `&&` and line ends are between two; a `\\` at the end joins the next line."""
    text = _TO_NOWHERE.sub(" ", text.replace("\\\n", " "))
    lexer = shlex.shlex(text, posix=True, punctuation_chars="();<>|&\n")
    lexer.whitespace = " \t\r"
    lexer.commenters = ""
    lexer.wordchars += "$%{}:,+@^!"
    try:
        tokens = list(lexer)
    except ValueError as error:
        raise UnknownCommand(f"{error} in a command") from None
    commands: list[list[str]] = [[]]
    for token in tokens:
        if token and set(token) <= _OPERATORS:
            if token.strip("\n") not in ("", ";", "&&"):
                raise UnknownCommand(f"`{token}` in a command is not supported")
            commands.append([])
        else:
            commands[-1].append(token)
    return [words for words in commands if words]


def _understood(words: Sequence[str]) -> list[Step]:
    program = words[0].rpartition("/")[2]
    arguments = words[1:]
    if program in ("sh", "bash") and arguments:
        return _understood(arguments)
    handler = _PROGRAMS.get(program)
    if handler is not None:
        return handler(arguments)
    if program.startswith("sysctl_restore_") and not arguments:
        return []  # each script has a stack of its own
    raise UnknownCommand(f"the command {' '.join(words[:3])} is not supported")


def _sysctl(arguments: Sequence[str]) -> list[Step]:
    return [_setting(a) for a in arguments if a not in ("-q", "-w", "-qw", "-wq", "-e")]


def _set_sysctls(arguments: Sequence[str]) -> list[Step]:
    return [_setting(argument.removeprefix(_PROC)) for argument in arguments]


def _setting(text: str) -> Step:
    match = _SETTING.fullmatch(text)
    if match is None:
        raise UnknownCommand(f"{text} sets nothing: NAME=VALUE")
    return SetSysctl(match[1].replace("/", "."), match[2].strip())


def _defaults(arguments: Sequence[str]) -> list[Step]:
    if arguments:
        raise UnknownCommand("defaults.sh takes no arguments")
    return [SetDefaults()]


def _sleep(arguments: Sequence[str]) -> list[Step]:
    total = 0.0
    for argument in arguments:
        if not re.fullmatch(r"\d{1,6}(\.\d{0,9})?|\.\d{1,9}", argument):
            raise UnknownCommand(f"sleep {argument} is not supported")
        total += float(argument)
    return [Sleep(round(total * 1e6) * 1000)]


def _ip(arguments: Sequence[str]) -> list[Step]:
    words = [word for word in arguments if word not in ("-4", "-6")]
    if words[:2] in (["tcp_metrics", "flush"], ["tcp_metrics", "delete"]):
        return []
    if words[:2] in (["route", "change"], ["route", "replace"], ["ro", "change"], ["ro", "replace"]):
        return [_route(words[2:])]
    raise UnknownCommand(f"ip {' '.join(words[:2])} is not supported")


def _route(words: Sequence[str]) -> ChangeRoute:
    found: dict[str, int] = {}
    locked = False
    at = 0
    while at < len(words):
        word = words[at]
        at += 1
        if word in ("mtu", "advmss", "initcwnd"):
            if word == "mtu" and words[at : at + 1] == ["lock"]:
                locked = True
                at += 1
            value = words[at] if at < len(words) else ""
            if not value.isascii() or not value.isdigit() or len(value) > 9:
                raise UnknownCommand(f"a route's {word} is a number, not {value or 'nothing'}")
            found[word] = int(value)
            at += 1
        elif word in _ROUTE_WORDS:
            at += 1
        elif at != 1:
            raise UnknownCommand(f"a route's {word} is not supported")
    return ChangeRoute(found.get("mtu"), locked, found.get("advmss"), found.get("initcwnd"))


_ROUTE_WORDS: Final = frozenset(("dev", "via", "proto", "scope", "src", "metric", "table"))


def _nstat(arguments: Sequence[str]) -> list[Step]:
    if list(arguments) != ["-n"]:
        raise UnknownCommand("what nstat shows is not supported")
    return []


def _nothing(arguments: Sequence[str]) -> list[Step]:
    return []


_PROGRAMS: Final[dict[str, Callable[[Sequence[str]], list[Step]]]] = {
    "sysctl": _sysctl,
    "set_sysctls.py": _set_sysctls,
    "defaults.sh": _defaults,
    "sleep": _sleep,
    "ip": _ip,
    "nstat": _nstat,
    "tc": _nothing,
    "ethtool": _nothing,
    "true": _nothing,
}
