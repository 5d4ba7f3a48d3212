"""The architecture page names only rooms that are there, and every layer."""

import re

from docs_examples import ROOT

PAGE = (ROOT / "docs" / "architecture.md").read_text()


def test_every_room_that_is_named_is_there() -> None:
    rooms = re.findall(r"`((?:\w+/)+(?:\w+\.py)?)`", PAGE)
    assert len(rooms) > 90
    assert [room for room in rooms if not (ROOT / "pystack" / room).exists() and not (ROOT / room).exists()] == []


def test_every_layer_has_a_line() -> None:
    layers = {folder.name for folder in (ROOT / "pystack").iterdir() if (folder / "__init__.py").exists()}
    assert layers == set(re.findall(r"^(\w+)/ +\S", PAGE, re.MULTILINE))


def test_every_room_is_named() -> None:
    package = ROOT / "pystack"
    rooms = {str(path.relative_to(package)) for path in package.rglob("*.py") if not path.name.startswith("__")}
    assert len(rooms) > 250
    assert sorted(rooms - set(re.findall(r"`(\w+/[\w/]+\.py)`", PAGE))) == []
