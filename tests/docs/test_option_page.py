"""The page of socket options has every option there is, and no other."""

import re
from pathlib import Path

import pytest

from pystack.sock import constants, datagram_options, options
from pystack.sock.optiontable import OptionTable

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "socket-options.md").read_text()
LEVELS = {
    constants.SOL_SOCKET: ("SO_",),
    constants.IPPROTO_TCP: ("TCP_",),
    constants.IPPROTO_IP: ("IP_",),
    constants.IPPROTO_IPV6: ("IPV6_",),
}


def names(table: OptionTable) -> set[str]:
    return {
        name
        for level, number in table
        for name, value in vars(constants).items()
        if value == number and name.startswith(LEVELS[level])
    }


@pytest.mark.parametrize(
    ("heading", "table"), [("## TCP sockets", options.OPTIONS), ("## UDP sockets", datagram_options.OPTIONS)]
)
def test_every_option_is_on_the_page(heading: str, table: OptionTable) -> None:
    section = PAGE.partition(heading)[2].partition("\n## ")[0]
    rows = "\n".join(line.split("|")[1] for line in section.splitlines() if line.startswith("| `"))
    notes = section
    shown = set(re.findall(r"`((?:SO|TCP|IP|IPV6)_\w+)`", rows))
    known = names(table)
    assert len(known) == len(list(table))
    assert known <= set(re.findall(r"`((?:SO|TCP|IP|IPV6)_\w+)`", notes))
    assert shown <= known
