"""Hosts as people give them: numbers, names, and numbers of the wrong kind."""

import re
from ipaddress import ip_address

import pytest
import trio

from pystack.cli.exits import Refusal
from pystack.cli.targets import addresses_of


@pytest.mark.parametrize("version", [None, 4, 6])
@pytest.mark.parametrize("text", ["10.0.0.1", "fd00::1", "::ffff:10.0.0.1"])
def test_an_address_is_of_the_version_that_was_asked_for(text: str, version: int | None) -> None:
    its = ip_address(text).version
    if version in (None, its):
        assert trio.run(addresses_of, text, version) == [ip_address(text)]
        return
    with pytest.raises(
        Refusal, match=rf"^{re.escape(text)} is an IPv{its} address, and -{version} asks for IPv{version}: "
    ):
        trio.run(addresses_of, text, version)


def test_no_such_name() -> None:
    with pytest.raises(OSError, match=r"'nothing\.invalid' has no IPv6 address"):
        trio.run(addresses_of, "nothing.invalid", 6)
