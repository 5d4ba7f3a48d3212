"""`make site`: the pages, the docstrings that they name, and every link between them."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from docs_examples import ROOT

mkdocs = pytest.importorskip("mkdocs", reason="mkdocs is in the extra `docs`")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built as `make` does: strictly, so that a warning would fail it, and without a word."""
    if shutil.which("make") is None:
        pytest.skip("make is not installed")
    target = tmp_path_factory.mktemp("site")
    shown = ["make", "--dry-run", "--no-print-directory", f"BIN={Path(sys.executable).parent}", "site"]
    recipe = subprocess.run(shown, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True).stdout
    command = f"{recipe.splitlines()[-1]} --site-dir {target}"
    result = subprocess.run(command, shell=True, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
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
