"""`make site`: the pages, the docstrings that they name, and every link between them."""

import subprocess
import sys
from pathlib import Path

import pytest
from docs_examples import ROOT

mkdocs = pytest.importorskip("mkdocs", reason="mkdocs is in the extra `docs`")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built strictly: a warning would fail it."""
    target = tmp_path_factory.mktemp("site")
    command = [
        sys.executable,
        "-m",
        "mkdocs",
        "build",
        "--strict",
        "--config-file",
        ".mkdocs.yml",
        "--site-dir",
        target,
    ]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert result.returncode == 0, result.stderr
    return target


def test_the_readme_is_the_front_page(site: Path) -> None:
    front = (site / "index.html").read_text()
    assert "The path of a packet" in front
    assert 'src="packet-path.svg"' in front
    assert 'href="tutorial.html"' in front


def test_docstrings_are_in_the_reference(site: Path) -> None:
    stacks = (site / "reference" / "api" / "stacks.html").read_text()
    assert "Leaving the context normally closes every socket" in stacks


def test_links_to_code_are_text(site: Path) -> None:
    states = (site / "reference" / "tcp-states.html").read_text()
    assert "pystack/tcp/state.py" in states
    assert 'state.py"' not in states


def test_every_page_of_an_rfc_and_every_decision_is_in_the_navigation(site: Path) -> None:
    front = (site / "index.html").read_text()
    for folder in ("rfc", "decisions"):
        pages = sorted((ROOT / "docs" / folder).glob("*[0-9-]*.md"))
        assert pages
        assert [page.stem for page in pages if f'href="{folder}/{page.stem}.html"' not in front] == []


def test_pages_load_nothing_from_elsewhere(site: Path) -> None:
    for page in site.rglob("*.html"):
        text = page.read_text()
        for tag in ('src="http', 'rel="stylesheet" href="http', 'rel="preconnect"', "unpkg"):
            assert tag not in text, f"{page.name} has {tag}"
