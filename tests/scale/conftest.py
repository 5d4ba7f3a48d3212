"""The fixtures of a served stack, and the fuzzing tool's modules."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest
from serving import root, run, serve

__all__ = ["root", "run", "serve", "tools"]

TOOLS = Path(__file__).parents[2] / "tools"


@pytest.fixture
def tools(monkeypatch: pytest.MonkeyPatch) -> tuple[ModuleType, ModuleType]:
    """`fuzz_packets` and `fuzz_live`."""
    monkeypatch.setattr(sys, "path", [str(TOOLS), *sys.path])
    made = []
    for name in ("fuzz_packets", "fuzz_live"):
        spec = importlib.util.spec_from_file_location(name, TOOLS / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        made.append(module)
    return made[0], made[1]
