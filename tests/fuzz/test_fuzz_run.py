"""`make fuzz`: what it refuses, what it says, and a bounded run of both drivers."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

TOOLS = Path(__file__).parents[2] / "tools"
WITH_ATHERIS = pytest.mark.skipif(
    importlib.util.find_spec("atheris") is None, reason="atheris is not installed: it has no wheels for some Pythons"
)


@pytest.fixture
def fuzz(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The tool, with its findings in a place of their own."""
    spec = importlib.util.spec_from_file_location("fuzz_tool", TOOLS / "fuzz.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "FOUND", tmp_path)
    return module


def test_without_atheris_it_says_so(
    fuzz: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    assert fuzz.main([]) == 2
    assert "`make fuzz` installs it" in capsys.readouterr().err


@WITH_ATHERIS
@pytest.mark.parametrize("words", [["nonsense"], ["--only", "nothing"], ["--only"], ["--help"]])
def test_what_it_does_not_know_is_refused(
    fuzz: ModuleType, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert fuzz.main(words) == 2
    assert "-max_total_time" in capsys.readouterr().err


@pytest.mark.long
@WITH_ATHERIS
@pytest.mark.parametrize(("driver", "runs"), [("wire", 200_000), ("host", 3_000)])
def test_a_bounded_run_finds_nothing(
    fuzz: ModuleType, driver: str, runs: int, capsys: pytest.CaptureFixture[str]
) -> None:
    status = fuzz.main(["--only", driver, f"-runs={runs}"])
    words = capsys.readouterr().out
    assert status == 0, words
    verdict = re.fullmatch(rf"{driver}: ([\d,]+) executions in .* ([\d,]+) edges, .*: nothing found\n", words)
    assert verdict is not None, words
    tried, edges = (int(number.replace(",", "")) for number in verdict.groups())
    assert tried >= runs
    assert edges > 300, "the stack is not instrumented"


@pytest.mark.long
@WITH_ATHERIS
def test_what_is_found_is_told(fuzz: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A limit that nothing can keep is a finding, too."""
    assert fuzz.main(["--only", "wire", "-runs=200000", "-rss_limit_mb=10"]) == 1
    assert f"FOUND {tmp_path}/wire-oom-" in capsys.readouterr().out
    assert list(tmp_path.glob("wire-oom-*"))
