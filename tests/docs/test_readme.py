"""What the README quotes is what pystack prints."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from docs_examples import DOCUMENTS, ROOT

from pystack.net.open import DEFAULT_ADDRESSES

README = (ROOT / "README.md").read_text()
SOURCES = "".join(path.read_text() for path in sorted((ROOT / "pystack" / "link").glob("*.py")))
HELP = README.partition("\n## Help\n")[2]


def test_every_sentence_of_the_help_is_one_of_ours() -> None:
    """Without what stands for names, numbers and reasons."""
    first_cells = [line.split("|")[1] for line in HELP.splitlines() if line.startswith("| `")]
    quoted = [
        text
        for cell in first_cells
        for text in re.findall(r"^ `([^`]+)`", cell)
        if not text.startswith(("make", "[Errno"))
    ]
    assert len(quoted) >= 6
    for text in quoted:
        pieces = re.split(r"\(…\)|…|\btun0\b|/dev/net/tun|10\.0\.0\.0/24", text)
        for piece in filter(None, (p.strip(" :") for p in pieces)):
            assert piece in SOURCES, text


def test_the_addresses_are_the_ones_that_are_taken() -> None:
    for address in DEFAULT_ADDRESSES:
        assert address.partition("/")[0] in README


def test_every_command_is_named_and_there() -> None:
    result = subprocess.run([sys.executable, "-m", "pystack", "--help"], capture_output=True, text=True, timeout=60)
    there = set(re.findall(r"^  (\w+)  ", result.stdout.partition("Commands:")[2], re.MULTILINE))
    assert {"serve", "demo", "stat", "nc", "ping", "doctor"} <= there
    assert there == {name for name in there if f"`{name}`" in README or f"`pystack {name}`" in README}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda p: str(p.relative_to(ROOT)))
def test_commands_are_called_by_a_path_that_sudo_finds(document: Path) -> None:
    assert re.findall(r"sudo (?:pystack|python3?) .*", document.read_text()) == []


def test_the_page_that_curl_gets_says_so() -> None:
    (sentence,) = re.findall(r"^<p>(Every byte .*)$", README, re.MULTILINE)
    assert sentence in (ROOT / "pystack" / "http" / "welcome.py").read_text()
