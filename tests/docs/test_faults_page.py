"""What the how-to page about faults shows; what curl says is shown by tests/cli/test_serve_fault.py."""

import re
import subprocess
import sys
from pathlib import Path

from docs_examples import ROOT, example, output_of

from pystack.link.faults import parse_faults
from pystack.link.faults.faultspec import KEYS

PAGE = (ROOT / "docs" / "how-to" / "faults.md").read_text()


def test_every_item_can_be_written_so_and_none_is_left_out() -> None:
    (table,) = re.findall(r"^\| item \| meaning \|\n(.*?)\n\n", PAGE, re.DOTALL | re.MULTILINE)
    items = [item for item in re.findall(r"`([^`]+)`", table) if "=" in item]
    assert {item.partition("=")[0] for item in items} == set(KEYS)
    for item in items:
        parse_faults(f"in:{item}")
    (spec,) = re.findall(r"serve .*--fault '([^']+)'", PAGE)
    parse_faults(spec)


def test_the_program_prints_what_the_page_says(tmp_path: Path) -> None:
    (table,) = re.findall(
        r"^\| fault \| the client gets \| the server \|\n\|[-|]+\n(.*?\n)\n", PAGE, re.DOTALL | re.MULTILINE
    )
    specs = re.findall(r"^\| `([^`]+)` \|", table, re.MULTILINE)
    shown = {key.partition("=")[0] for spec in specs for key in re.split("[,;:]", spec)} - {"in", "out"}
    assert shown == set(KEYS)
    file = tmp_path / "program.py"
    file.write_text(example("docs/how-to/faults.md", 0))
    result = subprocess.run(
        [sys.executable, str(file), *specs], capture_output=True, text=True, timeout=120, check=False
    )
    assert result.stdout == table, result.stderr


def test_the_simulation_prints_what_the_page_says(tmp_path: Path) -> None:
    found = re.search(r"^It prints `([^`]+)`, and `([^`]+)`", PAGE, re.MULTILINE)
    assert found is not None
    assert output_of(example("docs/how-to/faults.md", 1), tmp_path).splitlines() == list(found.groups())


def test_the_refusal_looks_like_that() -> None:
    found = re.search(r"^\$ pystack serve --fault (\S+)\n(pystack: .*)$", PAGE, re.MULTILINE)
    assert found is not None
    result = subprocess.run(
        [sys.executable, "-m", "pystack", "serve", "--fault", found[1]], capture_output=True, text=True, timeout=60
    )
    assert (result.returncode, result.stderr) == (2, found[2] + "\n")
