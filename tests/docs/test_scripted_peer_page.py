"""The scripts of the how-to page about the scripted peer, run as they are written."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "scripted-peer.md").read_text()
SCRIPTS = re.findall(r"^```python\n(.*?)^```$(.*?)It prints `([^`]*)`", PAGE, re.DOTALL | re.MULTILINE)


def test_every_script_says_what_it_prints() -> None:
    assert len(SCRIPTS) == PAGE.count("```python\n") == 4


@pytest.mark.parametrize(("script", "between", "printed"), SCRIPTS, ids=range(len(SCRIPTS)))
def test_a_script_prints_what_the_page_says(script: str, between: str, printed: str, tmp_path: Path) -> None:
    file = tmp_path / "script.py"
    file.write_text(script)
    result = subprocess.run([sys.executable, str(file)], capture_output=True, text=True, timeout=60, check=False)
    assert result.stdout == printed + "\n", result.stderr


def test_the_error_looks_like_that() -> None:
    from scapy.layers.inet import IP, TCP  # noqa: PLC0415

    import pystack  # noqa: PLC0415

    shown = re.search(r"^AssertionError: (.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    assert shown is not None
    with pystack.testing.peer(pystack.testing.host()) as p:
        p.send(IP() / TCP(flags="S", options=[("MSS", 1460)]))
        with pytest.raises(AssertionError) as caught:
            p.expect(TCP, flags="SA", ack=1002, within="1 s")
    assert str(caught.value) == shown[1].rstrip("\n")
