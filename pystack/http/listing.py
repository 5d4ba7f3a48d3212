"""What is in a directory, as a page."""

import os
import stat
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from urllib.parse import quote

import trio
from rich.filesize import decimal

from pystack.http.files import Missing, looking
from pystack.http.page import page

_AT_ONCE = 256
_LAST_DATE = 253_402_300_799  # of the year 9999

_STYLE = """\
h1 { font-size: 1.3rem; }
th, td { padding-right: 1rem; white-space: nowrap; }
th:first-child, td:first-child { width: 100%; white-space: normal; }
th:nth-child(2), td:nth-child(2) { text-align: right; }
th:last-child, td:last-child { padding-right: 0; }
td { color: var(--quiet); }
a { color: var(--mark); text-decoration: none; }
a:hover, a:focus { text-decoration: underline; }"""


@dataclass(frozen=True, slots=True)
class Entry:
    """A file, or a directory, below the one that is shown."""

    name: str
    is_directory: bool
    size: int
    changed: int
    """Seconds since 1970."""


async def entries(directory: str, resolve: Callable[[str], str]) -> list[Entry]:
    """The regular files and directories in `directory`, directories first.

    Names that begin with a dot are left out, and symbolic links for which `resolve` (a path to what it leads to) raises
    `Missing`. Lets other tasks run in between. Raises `OSError` for a directory that cannot be read.
    """
    found = []
    with os.scandir(directory) as children:
        for number, child in enumerate(children):
            if number % _AT_ONCE == _AT_ONCE - 1:
                await trio.lowlevel.checkpoint()
            if child.name.startswith("."):
                continue
            try:
                with looking():
                    status = os.lstat(resolve(child.path)) if child.is_symlink() else child.stat(follow_symlinks=False)
            except Missing:
                continue
            is_directory = stat.S_ISDIR(status.st_mode)
            if is_directory or stat.S_ISREG(status.st_mode):
                found.append(Entry(child.name, is_directory, status.st_size, int(status.st_mtime)))
    return sorted(found, key=lambda entry: (not entry.is_directory, entry.name.casefold(), entry.name))


def listing(path: str, found: Iterable[Entry]) -> bytes:
    """The page about the directory at `path`, the decoded path of a URL from "/" to "/"."""
    rows = [_row(entry) for entry in found]
    if path != "/":
        rows.insert(0, '<tr><td><a href="../">../</a></td><td></td><td></td></tr>')
    shown = _shown(path)
    head = f"<h1><bdi>{escape(shown)}</bdi></h1>\n<table>\n<tr><th>Name</th><th>Size</th><th>Changed (UTC)</th></tr>"
    return page(shown, _STYLE, "\n".join([head, *rows, "</table>"]))


def _row(entry: Entry) -> str:
    slash = "/" if entry.is_directory else ""
    link = f'<a href="{quote(os.fsencode(entry.name))}{slash}"><bdi>{escape(_shown(entry.name))}</bdi>{slash}</a>'
    size = "" if entry.is_directory else decimal(entry.size)
    changed = datetime.fromtimestamp(max(0, min(entry.changed, _LAST_DATE)), UTC).strftime("%Y-%m-%d %H:%M")
    return f"<tr><td>{link}</td><td>{size}</td><td>{changed}</td></tr>"


def _shown(name: str) -> str:
    """The name as text: bytes that are no UTF-8 become U+FFFD."""
    return os.fsencode(name).decode(errors="replace")
