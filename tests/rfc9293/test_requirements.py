"""Every identifier of RFC 9293 is tested, excused with a reason, or known to be missing, and only one of these."""

import re
import tomllib
from pathlib import Path

import pytest

HERE = Path(__file__).parent
REQUIREMENTS = tomllib.loads((HERE / "requirements.toml").read_text())
NAME = re.compile(r"^def test_(must|shld|may|rec)_(\d+)_", re.MULTILINE)


def identifiers_with_tests() -> dict[str, set[str]]:
    """Identifiers, and the files in which tests have their names."""
    found: dict[str, set[str]] = {}
    for file in HERE.glob("test_3_*.py"):
        for kind, number in NAME.findall(file.read_text()):
            found.setdefault(f"{kind.upper()}-{number}", set()).add(file.name)
    return found


def test_they_are_all_here() -> None:
    """As many of each kind as the RFC has, without a gap."""
    numbers = {
        kind: [int(i.split("-")[1]) for i in REQUIREMENTS if i.startswith(kind)] for kind in ("MUST", "SHLD", "MAY")
    }
    assert numbers["MUST"] == list(range(1, 70))
    assert numbers["SHLD"] == list(range(1, 32))
    assert numbers["MAY"] == list(range(1, 19))
    assert "REC-1" in REQUIREMENTS


@pytest.mark.parametrize("identifier", REQUIREMENTS)
def test_each_is_tested_or_there_is_a_reason(identifier: str) -> None:
    requirement = REQUIREMENTS[identifier]
    reasons = [requirement[why] for why in ("excused", "missing") if requirement.get(why)]
    if requirement["seen"] == "-":
        assert "excused" in requirement
    assert len(reasons) == (identifier not in identifiers_with_tests()), f"{identifier}: {requirement['rule']}"


def test_each_test_is_in_the_file_of_its_section() -> None:
    for identifier, files in identifiers_with_tests().items():
        section = REQUIREMENTS[identifier]["section"].replace(".", "_")
        for file in files:
            assert re.fullmatch(rf"test_{section}_[a-z].*", file), (
                f"{identifier} is of section {section}, not in {file}"
            )
