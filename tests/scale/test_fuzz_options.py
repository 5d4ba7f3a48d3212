"""The fuzzer's own command line: to have tried nothing is not to have found nothing."""

import subprocess
import sys
from pathlib import Path

import pytest

TOOL = Path(__file__).parents[2] / "tools" / "fuzz_live.py"


@pytest.mark.parametrize("option", ["--packets", "--seconds"])
@pytest.mark.parametrize("number", ["0", "-5", "many"])
def test_none_is_refused(option: str, number: str) -> None:
    result = subprocess.run(
        [sys.executable, str(TOOL), f"{option}={number}"], capture_output=True, text=True, timeout=60
    )
    assert result.returncode == 2
    assert option in result.stderr
    assert number in result.stderr
    assert "all is well" not in result.stdout
