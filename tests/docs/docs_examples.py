"""The examples of the documentation, taken out of its pages."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(document: str, language: str = "python") -> list[str]:
    """The blocks of a page in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", (ROOT / document).read_text(), re.DOTALL | re.MULTILINE)


def example(document: str, number: int) -> str:
    """The `number`-th Python block of a page."""
    return blocks(document)[number]


def output_of(source: str, directory: Path) -> str:
    """What a program prints; it has to succeed."""
    file = directory / "example.py"
    file.write_text(source)
    result = subprocess.run([sys.executable, file], capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 0, result.stderr
    return result.stdout
