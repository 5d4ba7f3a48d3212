"""What the tests of this directory share: a scripted peer for each IP version."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from pystack import testing


@pytest.fixture(params=[4, 6], ids=["IPv4", "IPv6"])
def family(request: pytest.FixtureRequest) -> int:
    return request.param


@pytest.fixture
def peer_of(family: int) -> Iterator[Callable[..., testing.Peer]]:
    """Makes a peer of a host with these addresses and settings."""
    with ExitStack() as stack:

        def make(*addresses: str, iss: int = 1000, **config: Any) -> testing.Peer:
            return stack.enter_context(testing.peer(testing.host(*addresses, **config), family=family, iss=iss))

        yield make


@pytest.fixture
def p(peer_of: Callable[..., testing.Peer]) -> testing.Peer:
    """A peer of a host with one address of each family."""
    return peer_of()
