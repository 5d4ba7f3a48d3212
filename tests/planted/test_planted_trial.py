"""What becomes of a bug that is planted in a small tree; then a few real ones, and, where there is time, all."""

import json
import subprocess
import sys
from pathlib import Path

import mutate
import mutate_page
import pytest
import trio
from mutate_list import ROOT, Mutant, load
from mutate_show import Shown
from mutate_trial import Result, Verdict, confirmed, copy_of_tree, trial

IT = "def double(x):\n    return x + x\n\n\ndef end():\n    return True\n"
NARROW = """
from pystack.it import double, end

def test_narrow():
    while not end():
        pass

def test_double():
    assert double(1) == 2
"""
WIDE = "from pystack.it import double\n\ndef test_wide():\n    assert double(3) == 6\n"
FLAKY = "from pystack.it import double\n\ndef test_never():\n    assert double(3) == 7\n"

FEW = ("last-number-before-the-window", "karn-missing", "checksum-of-an-odd-byte")
"""What `make test` plants: quick ones."""


def bug(old: str, new: str, tests: str = "tests/test_narrow.py") -> Mutant:
    return Mutant(name="bug", wrong="", breaks="", file="it.py", old=old, new=new, tests=(tests,), part="part")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of a small tree."""
    original = tmp_path / "original"
    for name, text in {
        "pystack/__init__.py": "",
        "pystack/it.py": IT,
        "tests/test_narrow.py": NARROW,
        "tests/test_wide.py": WIDE,
        "tests/test_flaky.py": FLAKY,
        "pyproject.toml": "[tool.pytest.ini_options]\n",
    }.items():
        (original / name).parent.mkdir(parents=True, exist_ok=True)
        (original / name).write_text(text)
    return copy_of_tree(tmp_path / "copy", original)


@pytest.mark.parametrize(
    ("mutant", "verdict", "by", "wide"),
    [
        (bug("x + x", "x * x"), Verdict.CAUGHT, "tests/test_narrow.py::test_double", False),
        # In the same second, and of the same size: only the text tells it from the sound one.
        (bug("x + x", "x + 1"), Verdict.CAUGHT, "tests/test_wide.py::test_wide", True),
        (bug("True", "None"), Verdict.HUNG, "tests/test_narrow.py::test_narrow", False),
        (bug("x + x", "2 * x"), Verdict.SURVIVED, "", False),
        (bug("def end", "def and_"), Verdict.BROKEN, "tests/test_narrow.py", False),
        (bug("x + x", "x * x", "tests/test_none.py"), Verdict.BROKEN, "no tests ran", False),
    ],
    ids=lambda value: str(value) if isinstance(value, Verdict) else "",
)
def test_what_becomes_of_a_bug(tree: Path, mutant: Mutant, verdict: Verdict, by: str, wide: bool) -> None:
    (tree / "tests" / "test_none.py").touch()  # in which nothing is tested
    seconds = 8 if verdict is Verdict.HUNG else 60
    result = trio.run(lambda: trial(mutant, tree, narrow_seconds=seconds, wide=["tests/test_wide.py"]))
    assert (result.verdict, result.wide) == (verdict, wide)
    assert result.by.startswith(by)
    assert (tree / "pystack" / "it.py").read_text() == IT


def test_a_file_that_cannot_be_read_does_not_hide_what_others_notice(tree: Path) -> None:
    (tree / "tests" / "test_early.py").write_text("import nothing_of_this_name\n")
    wide = ["tests/test_early.py", "tests/test_wide.py", "tests/test_flaky.py"]
    result = trio.run(lambda: trial(bug("x + x", "x + 1"), tree, wide=wide))
    assert (result.verdict, result.by) == (Verdict.CAUGHT, "tests/test_wide.py::test_wide")


def test_a_test_that_fails_without_the_bug_catches_nothing(tree: Path) -> None:
    results = [
        Result("one", Verdict.CAUGHT, "tests/test_flaky.py::test_never"),
        Result("two", Verdict.CAUGHT, "tests/test_wide.py::test_wide"),
        Result("three", Verdict.SURVIVED),
    ]
    checked = trio.run(confirmed, results, tree)
    assert [r.verdict for r in checked] == [Verdict.FALSE_ALARM, Verdict.CAUGHT, Verdict.SURVIVED]


def test_another_tree_than_the_one_with_the_bug_is_not_tested(tree: Path) -> None:
    (tree / "pystack" / "__init__.py").write_text(f"__file__ = {str(ROOT / 'pystack' / '__init__.py')!r}\n")
    result = trio.run(lambda: trial(bug("x + x", "x * x"), tree, wide=()))
    assert result.verdict is Verdict.BROKEN
    assert "pystack comes from" in result.by


def test_results_reach_the_page_and_others_stay(tmp_path: Path) -> None:
    path = tmp_path / "page.md"
    mutants = load()
    first, second, third = mutants[:3]
    mutate_page.write(mutants, [Result(first.name, Verdict.CAUGHT, "tests/a.py::test_b[c|d]")], path)
    mutate_page.write(
        mutants, [Result(second.name, Verdict.HUNG, "tests/a.py::test_e"), Result(third.name, Verdict.SURVIVED)], path
    )
    said = mutate_page.caught_by(path.read_text())
    assert [said[m.name] for m in mutants[:4]] == [
        "`tests/a.py::test_b`",
        "`tests/a.py::test_e` does not end",
        "**survived**",
        "*not run yet*",
    ]


def test_the_rows_and_the_counts(capsys: pytest.CaptureFixture[str]) -> None:
    results = [
        Result("one", Verdict.CAUGHT, "tests/a.py::test_b[x]", True, 1.25),
        Result("two", Verdict.SURVIVED, seconds=2.0),
    ]
    with Shown(2) as shown:
        for result in results:
            shown.row(result)
        shown.counts(results, 3.3)
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert lines == [
        "one caught 1.2 s tests/a.py::test_b[x] (of all tests)",
        "two SURVIVED 2.0 s",
        "2 bugs: 1 caught, 1 SURVIVED, 1 of them by other tests than their own; 3 s",
    ]


def test_what_it_does_not_know_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert mutate.main(["--only", "no-such-bug"]) == 2
    assert "there is no bug no-such-bug" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="2"):
        mutate.main(["-j", "0"])


def test_the_list_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert mutate.main(["--list", "--only", "rto-*", "--only", "karn-missing"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "rto-never-backed-off: Each time-out is as long as the one before" in lines
    assert any(line.startswith("karn-missing: ") for line in lines)
    assert all(line.startswith(("rto-", "karn-missing")) for line in lines)


def test_a_few_bugs_are_caught_by_their_own_tests(capsys: pytest.CaptureFixture[str]) -> None:
    words = [word for name in FEW for word in ("--only", name)]
    status = mutate.main(["--narrow", "--json", *words])
    out, err = capsys.readouterr()
    assert status == 0, err
    assert sorted(r["name"] for r in json.loads(out) if r["verdict"] == "caught") == sorted(FEW)


@pytest.mark.long
def test_all_bugs_are_caught() -> None:
    done = subprocess.run([sys.executable, ROOT / "tools" / "mutate.py", "-j", "2"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
