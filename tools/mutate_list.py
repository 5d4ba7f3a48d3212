"""The bugs that `mutate.py` plants: what one is, where they are written down, and how one gets into a tree."""

import tomllib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
LISTS = Path(__file__).parent / "planted_bugs"
"""One file of `[[bug]]` tables for each part of the stack; the part's name is the file's."""


class BadList(Exception):
    """The list does not fit the tree, or itself."""


@dataclass(frozen=True, kw_only=True)
class Mutant:
    """One bug.

    `wrong`: what the stack does with it; `breaks`: which document, with the section, forbids that, and what it says;
    `file`: below pystack/; `old`, `new`: the text that is there, exactly once, and what the bug makes of it; `tests`:
    arguments of pytest for those that should notice first; `part`: of the stack.
    """

    name: str
    wrong: str
    breaks: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]
    part: str


_KEYS = {field.name for field in fields(Mutant)} - {"part"}


def load(lists: Path = LISTS) -> list[Mutant]:
    """All of them, in the order of the files' names. Raises `BadList`."""
    found: list[Mutant] = []
    for path in sorted(lists.glob("*.toml")):
        found += [_mutant(entry, path.stem) for entry in tomllib.loads(path.read_text())["bug"]]
    twice = [name for name, count in Counter(m.name for m in found).items() if count > 1]
    if twice:
        raise BadList(f"two bugs are named {', '.join(twice)}")
    return found


def _mutant(entry: dict[str, Any], part: str) -> Mutant:
    if set(entry) != _KEYS:
        raise BadList(f"{entry.get('name', part)}: a bug has {', '.join(sorted(_KEYS))}, and nothing else")
    return Mutant(**{**entry, "tests": tuple(entry["tests"])}, part=part)


def mutated(mutant: Mutant, tree: Path = ROOT) -> str:
    """What the bug makes of its file. Raises `BadList` unless the text that it replaces is there exactly once, and its
    tests are there.
    """
    path = tree / "pystack" / mutant.file
    text = path.read_text() if path.is_file() else ""
    count = text.count(mutant.old)
    if count != 1:
        raise BadList(f"{mutant.name}: its old text is {count} times in pystack/{mutant.file}, and should be once")
    if mutant.old == mutant.new:
        raise BadList(f"{mutant.name}: it changes nothing")
    files = [argument.partition("::")[0] for argument in mutant.tests if argument.startswith("tests/")]
    missing = [file for file in files if not (tree / file).exists()]
    if missing or not files:
        raise BadList(f"{mutant.name}: {', '.join(missing) or 'no test'} is there to notice it")
    return text.replace(mutant.old, mutant.new)


@contextmanager
def planted(mutant: Mutant, tree: Path) -> Iterator[None]:
    """Has the bug in `tree`, a copy that nobody else looks at, for as long as the block lasts."""
    path = tree / "pystack" / mutant.file
    sound, bad = path.read_text(), mutated(mutant, tree)
    path.write_text(bad)
    try:
        yield
    finally:
        path.write_text(sound)
