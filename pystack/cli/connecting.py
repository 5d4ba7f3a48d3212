"""The connection to a host of several addresses: whichever of them takes it first (RFC 8305, "Happy Eyeballs")."""

from collections.abc import Sequence
from itertools import chain, zip_longest
from typing import Final

import trio

from pystack.cli.exits import sentence_of
from pystack.cli.targets import Address
from pystack.net.address import family_of
from pystack.net.socket import Socket
from pystack.net.stack import Net

_ATTEMPT_DELAY: Final = 0.25
"""Seconds that an attempt has to itself before the next address is tried too: RFC 8305, section 5."""


async def connect_first(net: Net, addresses: Sequence[Address], port: int, wait: float) -> Socket:
    """A connection to the address that takes it first, within `wait` seconds for all of them.

    The next address is tried as soon as one has failed, or has not answered for a moment: a quarter of a second, or
    less where `wait` is too short for everyone to have that much. Raises OSError, which says of each address what
    became of it.
    """
    failures: dict[Address, str] = {}
    winner: Socket | None = None

    async def attempt(address: Address, failed: trio.Event) -> None:
        nonlocal winner
        sock = net.socket(family_of(str(address)))
        try:
            await sock.connect((str(address), port))
        except OSError as error:
            sock.close()
            failures[address] = f": {sentence_of(error)}"
            failed.set()
            return
        if winner is None:
            winner = sock
            nursery.cancel_scope.cancel()
        else:
            sock.close()  # the last moment's second

    with trio.move_on_after(wait):
        async with trio.open_nursery() as nursery:
            for address in _interleaved(addresses):
                failed = trio.Event()
                nursery.start_soon(attempt, address, failed)
                with trio.move_on_after(min(_ATTEMPT_DELAY, wait / len(addresses))):
                    await failed.wait()
    if winner is not None:
        return winner
    silence = f" did not answer within {wait:g} s"
    raise OSError("; ".join(f"{address} port {port}{failures.get(address, silence)}" for address in addresses))


def _interleaved(addresses: Sequence[Address]) -> list[Address]:
    """By turns of one IP version and of the other, as RFC 8305, section 4, has it: where one leads nowhere, the second
    attempt is of the other already. The first stays the first.
    """
    first = [address for address in addresses if address.version == addresses[0].version]
    other = [address for address in addresses if address.version != addresses[0].version]
    return [address for address in chain(*zip_longest(first, other)) if address is not None]
