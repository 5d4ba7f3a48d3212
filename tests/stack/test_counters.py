"""The table of counters is the code's own."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pystack
from pystack.stack.counters import COUNTERS

NAME = re.compile(r"(Ip|Ip6|IpExt|Icmp|Icmp6|Tcp|TcpExt|Udp|Udp6|Pystack)[A-Z]\w+")
ROOT = Path(pystack.__file__).parent


def names_in_code() -> Iterator[str]:
    for file in ROOT.rglob("*.py"):
        if file.name != "counters.py":
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, ast.Constant) and isinstance(node.value, str) and NAME.fullmatch(node.value):
                    yield node.value


def test_every_name_that_is_counted_is_in_the_table_and_the_other_way_round() -> None:
    assert set(names_in_code()) - set(pystack.__all__) == set(COUNTERS)


def test_every_name_is_a_literal() -> None:
    """A name that is put together from parts would escape the test above, and every search."""
    for file in ROOT.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in ("count", "_count", "Malformed"):
                assert not any(isinstance(a, ast.JoinedStr | ast.BinOp) for a in node.args[:1]), ast.unparse(node)


def test_each_has_a_meaning_of_one_line() -> None:
    for name, counter in COUNTERS.items():
        assert counter.meaning, name
        assert "\n" not in counter.meaning, name
    assert COUNTERS["IpInHdrErrors"].drops
    assert not COUNTERS["IpInReceives"].drops
