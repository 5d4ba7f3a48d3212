"""`pystack demo`: the whole of it in a private network, with a real curl, in a few seconds and without root."""

import shutil
import time
from collections.abc import Sequence
from functools import partial
from ipaddress import ip_interface

import trio

from pystack.cli.exits import Refusal, ending
from pystack.http.config import HttpConfig
from pystack.http.exchange import Exchange
from pystack.http.response import Response
from pystack.http.server import serve_http
from pystack.link.capture import CapturingDevice
from pystack.link.netns import enter_private_network
from pystack.link.open import open_tun_device
from pystack.net.open import open_device
from pystack.wire.buffers import Buffer
from pystack.wire.render import render

_PAGE = b"Hello from a TCP that is written in Python.\n"
_URL = "http://10.0.0.2/"


class _Printer:
    """Prints each packet as it passes: the time since the start, its direction and one line of what it says."""

    def __init__(self) -> None:
        self._start = time.time_ns()

    def write(self, packet: Buffer | Sequence[Buffer], now_ns: int, outbound: bool, comment: str = "") -> None:
        whole = packet if isinstance(packet, bytes | bytearray | memoryview) else b"".join(packet)
        side = "out" if outbound else "in "
        print(f"{(now_ns - self._start) / 1e6:8.2f} ms {side} {render(whole)}", flush=True)

    def flush(self) -> None:
        """Every line is out already."""


def demo() -> None:
    """Show the stack at work: a private network, tun0, the server, and a real curl that fetches a page from it.

    Needs no root where /dev/net/tun is open to everybody; nothing outside of the private network is touched.
    """
    with ending():
        if shutil.which("curl") is None:
            raise Refusal("the demonstration uses curl, which is not installed: install it with your package manager")
        enter_private_network()
        got = trio.run(_fetch_with_curl)
        print(f"\ncurl got {len(got)} bytes: {got.decode(errors='replace')}", end="")


async def _fetch_with_curl() -> bytes:
    addresses = [ip_interface("10.0.0.2/24")]
    device, _ = open_tun_device("tun0", addresses)
    print(f"A private network with tun0: the kernel is 10.0.0.1, the stack in this process is 10.0.0.2.\n$ curl {_URL}")
    printing = CapturingDevice(device, _Printer())
    async with open_device(printing, addresses) as net, trio.open_nursery() as nursery:
        listeners = await net.open_tcp_listeners(80)
        await nursery.start(partial(serve_http, listeners, _hello, HttpConfig()))
        with trio.move_on_after(20):
            done = await trio.run_process(
                ["curl", "--silent", "--show-error", "--max-time", "10", "--noproxy", "*", _URL],
                capture_stdout=True,
                check=False,
            )
            nursery.cancel_scope.cancel()
            if done.returncode:
                raise OSError(f"curl failed with exit status {done.returncode}")
            return done.stdout
    raise OSError("curl did not come back within 20 seconds")


async def _hello(exchange: Exchange) -> Response:
    return Response(200, ((b"Content-Type", b"text/plain"),), _PAGE)
