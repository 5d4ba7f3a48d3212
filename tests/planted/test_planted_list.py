"""The list of planted bugs: it fits the tree, and the page says of each which test caught it."""

import re
from pathlib import Path

import mutate_page
import pytest
from mutate_list import ROOT, BadList, Mutant, load, mutated, planted

BUG = """
[[bug]]
name = "{name}"
wrong = "It is wrong"
breaks = "RFC 1"
file = "it.py"
old = "1 + 1"
new = "{new}"
tests = ["tests/test_it.py"]
"""


def a_list(place: Path, *names: str, new: str = "2 + 2", more: str = "") -> list[Mutant]:
    (place / "part.toml").write_text("".join(BUG.format(name=name, new=new) + more for name in names))
    return load(place)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "pystack").mkdir()
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_it.py").touch()
    (tmp_path / "pystack" / "it.py").write_text("x = 1 + 1\n")
    return tmp_path


def test_every_bug_fits_the_tree_and_can_be_compiled() -> None:
    mutants = load()
    assert len(mutants) >= 40
    for mutant in mutants:
        compile(mutated(mutant), mutant.file, "exec")


def test_every_part_is_a_section_of_the_page() -> None:
    assert {m.part for m in load()} == set(mutate_page.PARTS)


def test_two_bugs_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadList, match="two bugs are named same"):
        a_list(tmp_path, "same", "same")


def test_a_bug_that_has_something_else_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadList, match="odd: a bug has breaks, file, name, new, old, tests, wrong, and nothing else"):
        a_list(tmp_path, "odd", more="nmae = 1\n")


@pytest.mark.parametrize("text", ["x = 2\n", "x = 1 + 1\ny = 1 + 1\n"])
def test_old_text_that_is_not_there_once_is_refused(tree: Path, text: str) -> None:
    (tree / "pystack" / "it.py").write_text(text)
    (mutant,) = a_list(tree, "bug")
    with pytest.raises(BadList, match=f"bug: its old text is {text.count('1 + 1')} times in pystack/it.py"):
        mutated(mutant, tree)


def test_a_bug_without_its_file_is_refused(tree: Path) -> None:
    (tree / "pystack" / "it.py").unlink()
    with pytest.raises(BadList, match="0 times"):
        mutated(*a_list(tree, "bug"), tree)


def test_a_bug_that_changes_nothing_is_refused(tree: Path) -> None:
    with pytest.raises(BadList, match="changes nothing"):
        mutated(*a_list(tree, "bug", new="1 + 1"), tree)


def test_a_bug_whose_tests_are_gone_is_refused(tree: Path) -> None:
    (tree / "tests" / "test_it.py").unlink()
    with pytest.raises(BadList, match=r"tests/test_it\.py is there to notice"):
        mutated(*a_list(tree, "bug"), tree)


def test_a_planted_bug_goes_whatever_happens(tree: Path) -> None:
    file = tree / "pystack" / "it.py"
    (mutant,) = a_list(tree, "bug")

    def interrupted() -> None:
        with planted(mutant, tree):
            assert file.read_text() == "x = 2 + 2\n"
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert file.read_text() == "x = 1 + 1\n"


def test_the_page_is_current() -> None:
    text = mutate_page.PAGE.read_text()
    assert mutate_page.page(load(), mutate_page.caught_by(text)) == text, "run `make mutate ARGS=--docs`"


def test_the_page_says_of_every_bug_that_a_test_which_is_there_caught_it() -> None:
    said = mutate_page.caught_by(mutate_page.PAGE.read_text())
    assert set(said) == {m.name for m in load()}
    for name, by in said.items():
        match = re.fullmatch(r"`(?P<file>tests/[\w/]+\.py)::(?P<test>[\w:]+)`( does not end)?", by)
        assert match is not None, f"{name}: {by}"
        assert f"def {match['test'].rpartition('::')[2]}(" in (ROOT / match["file"]).read_text(), name
