"""What `make test-long` says before a test that takes minutes."""

import os
import subprocess
import sys
from pathlib import Path

TESTS = """
import pytest

def test_quick(): pass

@pytest.mark.long
def test_slow(): print("swallowed")
"""


def test_a_long_test_is_named_before_it_runs(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(TESTS)
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = long\n")
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent)}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "longtests", "-p", "no:cacheprovider"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout
    assert done.stdout.splitlines()[1:2] == ["test_it.py::test_slow takes minutes"]
    assert "test_quick" not in done.stdout
