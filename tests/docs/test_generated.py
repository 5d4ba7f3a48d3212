"""The parts of the documentation that are made from something else are current, and what the pages name is there."""

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

from pystack.tcp.state import TRANSITIONS

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs" / "rfc").glob("rfc*.md"))


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_tool", ROOT / "tools" / "docs.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_page_is_current(tool: ModuleType) -> None:
    stale = [page.name for page, text in tool.pages() if page.read_text() != text]
    assert stale == [], "run `make docs`"


def test_a_page_that_is_not_current_is_found_and_written(
    tool: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "page.md"
    page.write_text("old")
    monkeypatch.setattr(tool, "pages", lambda: [(page, "new")])
    monkeypatch.setattr(tool, "ROOT", tmp_path)
    monkeypatch.setattr(sys, "argv", ["docs.py", "--check"])
    assert tool.main() == 1
    assert "page.md is not current" in capsys.readouterr().err
    assert page.read_text() == "old"
    monkeypatch.setattr(sys, "argv", ["docs.py"])
    assert tool.main() == 0
    assert page.read_text() == "new"
    monkeypatch.setattr(sys, "argv", ["docs.py", "--check"])
    assert tool.main() == 0


def test_the_drawing_has_every_transition() -> None:
    drawing = (ROOT / "docs" / "reference" / "tcp-states.svg").read_text()
    arrows = re.findall(r"<title>(\S+) to (\S+): ", drawing)
    assert arrows == [(str(t.source), str(t.target)) for t in TRANSITIONS]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_a_page_names_is_there(page: Path, tool: ModuleType) -> None:
    front = tool.front_matter(page)
    assert page.name == f"rfc{front['rfc']}.md"
    named = re.findall(r"`((?:pystack|tests)/[^`]+)`", page.read_text())
    assert named
    assert [path for path in named if not (ROOT / path).exists()] == []
    if front["status"] == "done":
        assert not re.search(r"^\| [^|]+ \| (not|partly)", page.read_text(), re.MULTILINE), (
            "what is done has no such part"
        )
