"""A scripted peer for each IP version."""

from collections.abc import Iterator

import pytest

from pystack import testing


@pytest.fixture(params=[4, 6], ids=["IPv4", "IPv6"])
def family(request: pytest.FixtureRequest) -> int:
    return request.param


@pytest.fixture
def p(family: int) -> Iterator[testing.Peer]:
    with testing.peer(testing.host(), family=family) as peer:
        yield peer
