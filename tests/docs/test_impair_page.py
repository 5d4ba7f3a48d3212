"""What the how-to page about impairments shows."""

import re
import subprocess
import sys
from pathlib import Path

from pystack.link.impairkeys import KEYS, full_name
from pystack.link.impairspec import parse_impairments

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "impair.md").read_text()


def test_the_program_prints_what_the_page_says(tmp_path: Path) -> None:
    found = re.search(r"^```python\n(.*?)^```$(.*?)It prints `([^`]*)`", PAGE, re.DOTALL | re.MULTILINE)
    assert found is not None
    file = tmp_path / "program.py"
    file.write_text(found[1])
    result = subprocess.run([sys.executable, str(file)], capture_output=True, text=True, timeout=60, check=False)
    assert result.stdout == found[3] + "\n", result.stderr


def test_every_item_can_be_written_so() -> None:
    items = re.findall(r"^\| `([^`]+)` \|", PAGE, re.MULTILINE)
    for item in items:
        needs = [
            text
            for word, text in (("queue", "rate=1Mbit"), ("aqm", "rate=1Mbit"), ("ecn", "rate=1Mbit,aqm=red"))
            if item.startswith(word)
        ]
        parse_impairments(",".join((*needs, item)))
    told = {full_name(part.partition("=")[0]) for item in items for part in item.split(",")}
    assert told == {*KEYS, "seed"}
    (spec,) = re.findall(r"serve --impair '([^']+)'", PAGE)
    parse_impairments(spec)


def test_the_refusal_looks_like_that() -> None:
    found = re.search(r"^\$ \.venv/bin/pystack serve --impair (\S+)\n(pystack: .*)$", PAGE, re.MULTILINE)
    assert found is not None
    result = subprocess.run(
        [sys.executable, "-m", "pystack", "serve", "--impair", found[1]], capture_output=True, text=True, timeout=60
    )
    assert (result.returncode, result.stderr) == (2, found[2] + "\n")
