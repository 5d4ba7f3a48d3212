"""Hooks of mkdocs: what the site makes of pages that are read in the repository too.

The README at the top is the site's front page, each RFC and each decision is in the navigation, and a link to a file
that the site does not have, such as a module or a test, is shown as its text.
"""

import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
FRONT = "index.md"
LINK = re.compile(r"(?<!!)\[([^]]+)\]\(([^):#]+)(#[^)]*)?\)")


def on_config(config: Any) -> Any:
    """Puts every page of a folder that grows into the navigation."""
    for section in config.nav:
        for title in section:
            if title in ("RFCs", "Decisions"):
                index = section[title][0]
                pages = sorted((DOCS / index).parent.glob("*[0-9].md" if title == "RFCs" else "*-*.md"), key=_number)
                section[title] = [index, *(page.relative_to(DOCS).as_posix() for page in pages)]
    return config


def on_files(files: Files, config: Any) -> Files:
    """Adds the README, its links as they are from within docs/."""
    text = (ROOT / "README.md").read_text()
    text = re.sub(r"\]\((?!https?:|#)", "](../", text).replace("](../docs/", "](")
    text = text.replace("](README.md)", f"]({FRONT})")
    files.append(File.generated(config, FRONT, content=text))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """Leaves the text of links that lead out of docs/."""
    folder = (DOCS / page.file.src_uri).parent

    def kept(match: re.Match[str]) -> str:
        target = (folder / match[2]).resolve()
        return match[0] if target.is_relative_to(DOCS) else match[1]

    return LINK.sub(kept, markdown)


def _number(page: Path) -> int:
    found = re.search(r"\d+", page.stem)
    return int(found[0]) if found else 0
