"""The programs and tests of the pages about simulated networks, and the examples, which need no rights at all."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from docs_examples import ROOT, blocks, output_of

from pystack.link.impairkeys import KEYS

SIMULATE = "docs/how-to/simulate.md"
PAGE = (ROOT / SIMULATE).read_text()
PROGRAMS = re.findall(r"^```python\n(.*?)^```$(.*?)It prints `([^`]*)`", PAGE, re.DOTALL | re.MULTILINE)
TESTING = "docs/how-to/testing-programs.md"
EXAMPLES = ROOT / "docs" / "examples"

HIDING = """
{ test ! -d /dev/net || mount -t tmpfs tmpfs /dev/net; } && exec unshare --user --map-user=1000 --map-group=1000 "$@"
"""
WITHOUT_RIGHTS = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", HIDING, "sh"]
"""What runs a command as an ordinary user who sees no /dev/net/tun."""

RIGHTS = """
import os

def test_there_are_none():
    assert os.geteuid() != 0
    assert not os.path.exists("/dev/net/tun")

def test_tun(tun_net):
    raise AssertionError("there can be no TUN device")
"""


def pytest_in(directory: Path, *before: str) -> str:
    command = [*before, sys.executable, "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", "--rootdir", "."]
    result = subprocess.run(command, cwd=directory, capture_output=True, text=True, timeout=300, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def test_every_program_says_what_it_prints() -> None:
    assert len(PROGRAMS) == PAGE.count("```python\n") == 8
    assert all("```" not in between for _, between, _ in PROGRAMS)


@pytest.mark.parametrize(("program", "between", "printed"), PROGRAMS, ids=range(len(PROGRAMS)))
def test_a_program_prints_what_the_page_says(program: str, between: str, printed: str, tmp_path: Path) -> None:
    assert output_of(program, tmp_path).rstrip("\n") == printed


def test_every_value_of_a_link_is_in_the_table() -> None:
    (table,) = re.findall(r"^\| value \| as text.*?\n\n", PAGE, re.DOTALL | re.MULTILINE)
    first_cells = "".join(line.split("|")[1] for line in table.splitlines()[2:-1])
    assert set(re.findall(r"`(\w+)`", first_cells)) == set(KEYS)


def test_the_tests_on_the_page_pass(tmp_path: Path) -> None:
    hello, anyio, tun = blocks(TESTING)
    (tmp_path / "test_readme.py").write_text(blocks("README.md")[2])
    (tmp_path / "test_hello.py").write_text(hello)
    (tmp_path / "test_anyio.py").write_text(anyio)
    assert "4 passed" in pytest_in(tmp_path)
    assert "def test_curl(tun_net)" in tun, "the last one has a test of its own"


@pytest.mark.kernel
def test_the_test_of_curl_passes(tmp_path: Path) -> None:
    (tmp_path / "test_curl.py").write_text(blocks(TESTING)[2])
    said = pytest_in(tmp_path)
    if "1 skipped" in said:
        pytest.skip(said)
    assert "1 passed" in said


def test_the_failure_looks_like_that(tmp_path: Path) -> None:
    (shown,) = re.findall(r"^```\n(-+ pystack .*?)^```$", (ROOT / TESTING).read_text(), re.DOTALL | re.MULTILINE)
    (tmp_path / "test_hello.py").write_text(f"{blocks(TESTING)[0].rstrip()}\n    raise AssertionError\n")
    command = [sys.executable, "-m", "pytest", "--rootdir", ".", "test_hello.py"]
    said = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False).stdout
    numbers = r"(?<=seed )\d+|[0-9a-f]{8}(?=-lab)"
    assert re.sub(numbers, "N", shown) in re.sub(numbers, "N", said)


def test_the_examples_need_neither_root_nor_a_device(tmp_path: Path) -> None:
    if shutil.which("unshare") is None or subprocess.run([*WITHOUT_RIGHTS, "true"], capture_output=True).returncode:
        pytest.skip("an environment without rights cannot be made here")
    files = sorted(EXAMPLES.glob("test_*.py"))
    assert len(files) == 3
    for file in files:
        assert f"](../examples/{file.name})" in (ROOT / TESTING).read_text()
        shutil.copy(file, tmp_path)
    (tmp_path / "test_rights.py").write_text(RIGHTS)
    said = pytest_in(tmp_path, *WITHOUT_RIGHTS)
    assert re.search(r"^20 passed, 1 skipped", said, re.MULTILINE), said
    assert "SKIPPED [1] test_rights.py" in said
    assert "there is no usable /dev/net/tun" in said
