"""Opening a stack over a device, and closing it in order or at once."""

import secrets
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import ExitStack, asynccontextmanager
from ipaddress import IPv4Interface, IPv6Interface
from pathlib import Path
from typing import BinaryIO

import trio

from pystack.link.addresses import HostAddresses, parse_interface
from pystack.link.capture import CapturingDevice
from pystack.link.crossing import Fault
from pystack.link.device import Device
from pystack.link.faults import parse_faults
from pystack.link.impair import PathImpairments
from pystack.link.impaired import ImpairedDevice
from pystack.link.impairspec import parse_impairments
from pystack.link.open import open_tun_device
from pystack.link.pcapng import PcapngWriter
from pystack.net.pump import Pump, trio_clock
from pystack.net.stack import Net
from pystack.stack.config import Config
from pystack.stack.host import Host
from pystack.tcp.config import TcpConfig

Interface = IPv4Interface | IPv6Interface

DEFAULT_ADDRESSES = ("10.0.0.2/24", "fd00:7079::2/64")
"""The stack's addresses where none are given."""


@asynccontextmanager
async def open_tun(
    name: str = "tun0",
    *,
    addresses: Sequence[str | Interface] = DEFAULT_ADDRESSES,
    host_addresses: Sequence[str | Interface] | str | None = None,
    mtu: int | None = None,
    tcp: TcpConfig | None = None,
    capture: BinaryIO | Path | None = None,
    impair: PathImpairments | str | None = None,
    faults: Iterable[Fault] | str = (),
    grace: float = 2.0,
) -> AsyncIterator[Net]:
    """A stack with `addresses` on the Linux TUN device `name`.

    `host_addresses` are the kernel's at its end: these, None for the first free one of each network, or "none" to
    attach to a device as it is. `mtu` in bytes, None: as the device has it. `tcp` is what connections start with.
    `capture` gets every packet in the pcapng format: a file, which stays the caller's to close, or the path of one to
    write anew. For `impair`, `faults`, `grace`, and for what leaving does, see `open_device`.

    Raises `pystack.LinkError`, whose message is one sentence for the user, and `pystack.DeviceLost`.
    """
    own = [_interface(address) for address in addresses]
    kernel: HostAddresses
    if host_addresses is None or host_addresses == "none":
        kernel = None if host_addresses is None else "none"
    elif isinstance(host_addresses, str):
        kernel = [_interface(host_addresses)]
    else:
        kernel = [_interface(address) for address in host_addresses]
    if isinstance(impair, str):
        impair = parse_impairments(impair)  # before anything is made
    if isinstance(faults, str):
        faults = parse_faults(faults)
    device, _ = open_tun_device(name, own, kernel, mtu)
    async with open_device(device, own, tcp=tcp, capture=capture, impair=impair, faults=faults, grace=grace) as net:
        yield net


@asynccontextmanager
async def open_device(
    device: Device,
    addresses: Sequence[str | Interface],
    *,
    tcp: TcpConfig | None = None,
    capture: BinaryIO | Path | None = None,
    impair: PathImpairments | str | None = None,
    faults: Iterable[Fault] | str = (),
    grace: float = 2.0,
    clock: Callable[[], int] = trio_clock,
    entropy: Callable[[int], bytes] = secrets.token_bytes,
) -> AsyncIterator[Net]:
    """A stack with `addresses` on any device, which it closes at the end. `clock` gives nanoseconds at the pace of
    trio's clock; `entropy(n)` gives n random bytes.

    `impair` puts a bad path between the stack and the device: impairments of each direction, or how the command line
    writes them (`"in:loss=3%,delay=40ms;out:rate=20Mbit;seed=7"`). A capture shows what the stack sees: what has come
    through, when it has, and what it sends, when it does. `faults` are done to chosen packets before that, one after
    the other: values of `pystack.link.faults`, each for one path, or how the command line writes them
    (`"in:drop=syn#1;out:reset=100kB"`). Raises `ValueError` for impairments and faults that are none.

    Leaving the context normally closes every socket and waits for at most `grace` seconds until the peers have
    acknowledged that; what is left then, and everything where the context is left by an exception, is reset. When the
    device goes away, every socket raises ENETDOWN, the block is cancelled, and the context raises `DeviceLost`.
    """
    failure: BaseException | None = None
    files = ExitStack()
    try:
        if isinstance(impair, str):
            impair = parse_impairments(impair)
        faults = parse_faults(faults) if isinstance(faults, str) else list(faults)
        if impair is not None or faults:
            device = ImpairedDevice(device, impair or PathImpairments(), clock, faults=faults)
        if isinstance(capture, Path):
            capture = files.enter_context(capture.open("wb"))
        if capture is not None:
            device = CapturingDevice(device, PcapngWriter(capture, device.name))
        own = [_interface(address) for address in addresses]
        config = Config(
            addresses=tuple((a.ip.packed, a.network.prefixlen) for a in own), mtu=device.mtu, tcp=tcp or TcpConfig()
        )
        pump = Pump(Host(config, entropy), device, clock)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_run, pump, nursery.cancel_scope)
            try:
                yield Net(pump)
                await pump.close_in_order(grace)
            except BaseException as error:
                # Kept and raised outside, where the nursery does not wrap it into a group.
                failure = error
                pump.abort()
            nursery.cancel_scope.cancel()
    finally:
        device.close()
        files.close()
    if pump.lost is not None:
        raise pump.lost from failure
    if failure is not None:
        try:
            raise failure
        finally:
            del failure  # or its traceback and this frame would hold each other


async def _run(pump: Pump, everything: trio.CancelScope) -> None:
    await pump.run()
    everything.cancel()


def _interface(address: str | Interface) -> Interface:
    return parse_interface(address) if isinstance(address, str) else address
