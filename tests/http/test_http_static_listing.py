"""The page of what is in a directory: all of it leads where it says, and nothing of it is more than text."""

import os
import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import pytest
import trio
from http_exchange import run
from http_files import CHANGED, ask, put

from pystack.http.files import Missing
from pystack.http.listing import Entry, entries, listing


class Page(HTMLParser):
    """The rows of the table, the links, and the names of all tags and attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.links: list[str] = []
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.heading = ""
        self._inside = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attributes}
        self.links += [value or "" for name, value in attributes if (tag, name) == ("a", "href")]
        if tag == "tr":
            self.rows.append([])
        elif tag == "td":
            self.rows[-1].append("")
        if tag in ("td", "h1"):
            self._inside = tag

    def handle_data(self, data: str) -> None:
        if self._inside == "td":
            self.rows[-1][-1] += data
        elif self._inside == "h1":
            self.heading += data

    def handle_endtag(self, tag: str) -> None:
        if tag == self._inside:
            self._inside = ""


def show(root: Path, target: str = "/") -> Page:
    reply = ask(root, target, listed=True)
    assert reply.status == 200
    assert reply.headers["content-type"] == "text/html; charset=utf-8"
    return Page(reply.body.decode())


def names(page: Page) -> list[str]:
    return [row[0] for row in page.rows if row]


def test_directories_come_first_with_sizes_and_dates(tmp_path: Path) -> None:
    put(tmp_path / "b.txt", bytes(1_234))
    put(tmp_path / "A.txt", b"", 0)
    put(tmp_path / "c", b"x")
    (tmp_path / "z").mkdir()
    (tmp_path / "Y").mkdir()
    for name in ("z", "Y"):
        os.utime(tmp_path / name, (CHANGED, CHANGED))
    page = show(tmp_path)
    assert page.heading == "/"
    assert [row for row in page.rows if row] == [
        ["Y/", "", "2023-11-14 22:11"],
        ["z/", "", "2023-11-14 22:11"],
        ["A.txt", "0 bytes", "1970-01-01 00:00"],
        ["b.txt", "1.2 kB", "2023-11-14 22:11"],
        ["c", "1 byte", "2023-11-14 22:11"],
    ]


@pytest.mark.parametrize(
    ("changed", "shown"), [(-1, "1970-01-01 00:00"), (253_402_300_800, "9999-12-31 23:59")], ids=["before", "behind"]
)
def test_a_date_that_no_calendar_has_is_the_nearest(changed: int, shown: str) -> None:
    page = Page(listing("/", [Entry("a", False, 0, changed)]).decode())
    assert page.rows[-1] == ["a", "0 bytes", shown]


ODD = [
    *(
        "plain",
        "two words",
        "a?b=c",
        "a#b",
        "100%",
        "%41",
        "a&amp;b",
        "<script>alert(1)<",
        '"quoted" onclick=x',
        "it's",
    ),
    *("a:b", "javascript:alert(1)", "http:", "back\\slash", "semi;colon", "new\nline", "tab\t", "é", "日本", "~", "+"),
    *("\N{RIGHT-TO-LEFT OVERRIDE}txt.exe", "a\u0301", "--", "{style}", "x" * 255),
]


@pytest.mark.parametrize("name", ODD)
def test_every_name_leads_to_its_file(name: str, tmp_path: Path) -> None:
    put(tmp_path / name, b"content")
    page = show(tmp_path)
    assert names(page) == [name]
    (link,) = page.links
    assert ask(tmp_path, urljoin("http://x/", link)).body == b"content"
    assert not re.search(r"[^\x21-\x7e]|[<>\"']", link)
    assert not urlsplit(link).scheme


def test_a_name_that_is_no_utf_8_leads_to_its_file(tmp_path: Path) -> None:
    try:
        (tmp_path / os.fsdecode(b"\xff\xe9")).write_bytes(b"content")
    except OSError:
        pytest.skip("this file system has no such names")
    page = show(tmp_path)
    assert names(page) == ["\N{REPLACEMENT CHARACTER}" * 2]
    assert ask(tmp_path, urljoin("/", page.links[0])).body == b"content"


@pytest.mark.parametrize("name", [name for name in ODD if len(name) < 100])
def test_a_directory_of_any_name_is_shown_with_a_way_back(name: str, tmp_path: Path) -> None:
    (tmp_path / name).mkdir()
    put(tmp_path / name / "inside", b"content")
    link = urljoin("http://x/", show(tmp_path).links[0])
    page = show(tmp_path, link)
    assert page.heading == f"/{name}/"
    assert names(page) == ["../", "inside"]
    back, inside = (urljoin(link, each) for each in page.links)
    assert (urlsplit(back).path, ask(tmp_path, inside).body) == ("/", b"content")


def test_the_page_has_no_scripts_whatever_the_names(tmp_path: Path) -> None:
    for name in ODD:
        put(tmp_path / name, b"")
    page = show(tmp_path)
    assert page.tags == {
        *("html", "head", "meta", "link", "title", "style", "body", "h1", "bdi", "table", "tr", "th", "td", "a"),
    }
    assert page.attributes == {"lang", "charset", "name", "content", "rel", "href"}


def test_what_would_be_404_is_not_shown(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    put(tmp_path / "secret", b"secret")
    put(root / "a", b"A")
    put(root / ".hidden", b"")
    (root / ".git").mkdir()
    os.mkfifo(root / "fifo")
    for name, target in [
        *(("out", "../secret"), ("up", ".."), ("dangling", "nowhere"), ("loop", "loop"), ("null", "/dev/null")),
        *(("in", "a"), ("here", ".")),
    ]:
        (root / name).symlink_to(target)
    page = show(root)
    assert names(page) == ["here/", "a", "in"]
    assert [ask(root, urljoin("/", link), listed=True).status for link in page.links] == [200] * 3


def test_listing_is_for_who_asks_for_it(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    assert ask(tmp_path, "/").status == 404
    assert ask(tmp_path, "/sub").status == 404
    assert ask(tmp_path, "/sub", listed=True).headers["location"] == "/sub/"
    assert ask(tmp_path, "/sub/", listed=True).status == 200
    assert ask(tmp_path, "/nothing/", listed=True).status == 404


def test_an_index_goes_before_the_listing(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    put(tmp_path / "secret", b"secret")
    put(root / "index.html", b"index")
    assert ask(root, "/", listed=True).body == b"index"
    (root / "index.html").unlink()
    (root / "index.html").symlink_to("../secret")
    assert ask(root, "/", listed=True).status == 404


def test_head_of_a_listing_tells_its_length(tmp_path: Path) -> None:
    put(tmp_path / "a", b"A")
    whole = ask(tmp_path, "/", listed=True)
    head = ask(tmp_path, "/", method="HEAD", listed=True)
    assert (head.headers, head.body) == (whole.headers, b"")


def test_others_run_while_a_large_directory_is_read(tmp_path: Path) -> None:
    for number in range(1_000):
        (tmp_path / str(number)).touch()
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await trio.lowlevel.checkpoint()

    async def main() -> int:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(count)
            found = await entries(str(tmp_path), os.path.realpath)
            nursery.cancel_scope.cancel()
            return len(found)

    assert run(main) == 1_000
    assert turns >= 2


def test_a_file_that_goes_meanwhile_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("a")
    put(tmp_path / "a", b"")

    def gone(path: str) -> str:
        raise Missing

    assert [entry.name for entry in run(entries, str(tmp_path), gone)] == ["a"]
