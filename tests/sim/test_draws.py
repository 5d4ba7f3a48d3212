"""Which numbers are drawn of a generator: only those whose sequence is the same on every Python. (A real stack has
its entropy from the system, which is no generator of ours.)
"""

import ast
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

import pystack

ROOT = Path(pystack.__file__).parent
DRAWN = {"random", "getrandbits"}
"""The Python documentation promises that the first, and the seeding, give the same for ever; the second is the
generator's own output."""
OTHERS = {name for name in dir(random.Random) if not name.startswith("_")} - DRAWN - {"seed", "getstate", "setstate"}
OTHERS.add("SystemRandom")
SOURCES = {"random", "pystack.link.entropy"}


def draws(source: str) -> Iterator[str]:
    """What else a module draws."""
    tree = ast.parse(source)
    nodes = list(ast.walk(tree))
    modules = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    modules |= {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
    names = {node.id for node in nodes if isinstance(node, ast.Name)}
    if not modules & SOURCES and not names & {"Random", "Streams"}:
        return  # `sample` and `choice` mean something else there
    for node in nodes:
        if isinstance(node, ast.Attribute) and node.attr in OTHERS:
            yield node.attr
        if isinstance(node, ast.ImportFrom) and node.module == "random":
            yield from {alias.name for alias in node.names} - {"Random"}


def test_only_random_and_getrandbits_are_drawn() -> None:
    found = {str(path.relative_to(ROOT)): set(draws(path.read_text())) for path in ROOT.rglob("*.py")}
    assert {path: names for path, names in found.items() if names} == {}
    assert len(found) > 150


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("import random\nx = random.randint(0, 5)", "randint"),
        ("from random import choice", "choice"),
        ("from pystack.link.entropy import stream\nstream(1).shuffle(x)", "shuffle"),
        ("def f(generator: Random) -> None:\n    generator.uniform(1, 2)", "uniform"),
        ("import random\nx = random.SystemRandom().random()", "SystemRandom"),
    ],
)
def test_another_draw_is_found(source: str, name: str) -> None:
    assert set(draws(source)) == {name}


def test_a_sample_that_is_not_random_is_none() -> None:
    assert set(draws("from pystack.tcp.rtt import RttEstimator\nrtt.sample(5)\nrandom()")) == set()
