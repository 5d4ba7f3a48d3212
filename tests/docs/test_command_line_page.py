"""The page of the command line says what there is."""

import re

from docs_examples import ROOT

from pystack.tcp.congestion.registry import congestion_controls

PAGE = (ROOT / "docs" / "reference" / "command-line.md").read_text()


def test_every_congestion_controller_is_named() -> None:
    (meaning,) = re.findall(r"^\| `--congestion NAME` \|[^|]*\|(.*)\|$", PAGE, re.MULTILINE)
    assert sorted(re.findall(r"`(\w+)`", meaning)) == congestion_controls()
