"""`pystack demo`: a tour in a private network, with a real curl, in a few seconds and without root."""

import shutil
import struct
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from ipaddress import ip_interface
from typing import cast

import trio

from pystack.cli.exits import Refusal, ending
from pystack.cli.howfar import how_far
from pystack.http.config import HttpConfig
from pystack.http.exchange import ConnectionInfo, Exchange
from pystack.http.response import Response, plain
from pystack.http.server import serve_http
from pystack.link.capture import CapturingDevice
from pystack.link.impair import PathImpairments
from pystack.link.impaired import ImpairedDevice
from pystack.link.impairspec import parse_impairments
from pystack.link.netns import enter_private_network
from pystack.link.open import open_tun_device
from pystack.link.tun import check_node
from pystack.net.open import open_device
from pystack.net.pump import trio_clock
from pystack.wire.buffers import Buffer
from pystack.wire.render import render

_PAGE = b"Hello from a TCP that is written in Python.\n"
_LARGE = bytes(range(256)) * 2048
_PROMISED, _KEPT = 1_000_000, 20_000
_SECONDS = 30
_AGAIN = "retransmit"
"""The stack's reason for a packet that it sends again."""
_RESET = 56
"""curl's exit status where the connection was reset while it received."""


class _Printer:
    """Prints the packets that are `wanted`, at most `most` of them, as they pass: the time since the start, the
    direction and one line of what each says, with a mark where it is sent again. `wanted` gets that line, and why the
    stack sent it (empty: it came in).
    """

    def __init__(self, wanted: Callable[[str, str], bool], most: int) -> None:
        self._start = time.time_ns()
        self._wanted = wanted
        self._left = most

    def write(self, packet: Buffer | Sequence[Buffer], now_ns: int, outbound: bool, comment: str = "") -> None:
        whole = packet if isinstance(packet, bytes | bytearray | memoryview) else b"".join(packet)
        line = render(whole)
        if not self._left or not self._wanted(line, comment):
            return
        self._left -= 1
        side = "out" if outbound else "in "
        mark = "SENT AGAIN " if comment == _AGAIN else ""
        print(f"{(now_ns - self._start) / 1e6:8.2f} ms {side} {mark}{line}", flush=True)
        if not self._left:
            print("         …", flush=True)

    def flush(self) -> None:
        """Every line is out already."""


@dataclass(frozen=True)
class _Scene:
    """One stop of the tour: what curl asks for, how many bytes the server sends of it, over which path, which packets
    are shown, and what curl should say.
    """

    title: str
    path: str
    size: int
    shows: Callable[[str, str], bool]
    most: int = 1000
    impair: PathImpairments | None = None
    ends_with: int = 0


_SCENES = (
    _Scene("A page: every packet of it.", "/", len(_PAGE), lambda line, why: " icmp6 " not in line),
    _Scene(
        "Loss: 3 % of the packets, each way. What was lost is sent again, the first five of them:",
        "/large",
        len(_LARGE),
        lambda line, why: why == _AGAIN,
        most=5,
        impair=parse_impairments("loss=3%,delay=5ms;seed=7"),
    ),
    _Scene(
        f"A reset: the server promises {_PROMISED} bytes, sends {_KEPT}, and resets the connection:",
        "/reset",
        _KEPT,
        lambda line, why: " R. " in line,
        ends_with=_RESET,
    ),
)


def demo() -> None:
    """Show the stack at work: a page, loss and a reset, with curl.

    It all happens in a private network with a tun0, and nothing outside of it is touched. Needs no root where
    /dev/net/tun is open to everybody.
    """
    with ending():
        if shutil.which("curl") is None:
            raise Refusal("the demonstration uses curl, which is not installed: install it with your package manager")
        check_node()
        enter_private_network()
        print("A private network with tun0: the kernel is 10.0.0.1, the stack in this process is 10.0.0.2.")
        for number, scene in enumerate(_SCENES, 1):
            print(f"\n{number}. {scene.title}", flush=True)
            trio.run(_play, scene)


async def _play(scene: _Scene) -> None:
    addresses = [ip_interface("10.0.0.2/24")]
    tun, _ = open_tun_device("tun0", addresses)
    device = tun if scene.impair is None else ImpairedDevice(tun, scene.impair, trio_clock)
    printing = CapturingDevice(device, _Printer(scene.shows, scene.most))
    url = f"http://10.0.0.2{scene.path}"
    print(f"$ curl {url}", flush=True)
    async with open_device(printing, addresses) as net, trio.open_nursery() as nursery:
        listeners = await net.open_tcp_listeners(80)
        await nursery.start(partial(serve_http, listeners, _answer, HttpConfig()))
        began = trio.current_time()
        status, got, said = await _curl(url, scene.size)
        seconds = trio.current_time() - began
        resent = net.metrics.get("TcpRetransSegs", 0)
        nursery.cancel_scope.cancel()
    if status != scene.ends_with:
        raise OSError(f"curl failed with exit status {status}: {said}")
    print(f"curl got {_described(got)} in {seconds:.2f} s; {resent} packets were sent again.")
    if said:
        print(said)
    if scene.ends_with == _RESET:
        print(_why_so_many(len(got)))


async def _answer(exchange: Exchange) -> Response | None:
    match exchange.request.path:
        case b"/":
            return Response(200, ((b"Content-Type", b"text/plain"),), _PAGE)
        case b"/large":
            return Response(200, ((b"Content-Type", b"application/octet-stream"),), _LARGE)
        case b"/reset":
            exchange.start(200, length=_PROMISED)
            await exchange.send(_LARGE[:_KEPT])
            _reset(exchange.connection)
            await exchange.send(b"too late")  # raises ClientGone, which is no news to the server
            return None
        case _:
            return plain(404)


def _reset(connection: ConnectionInfo) -> None:
    """Closes a connection with a RST instead of a FIN (SO_LINGER of 0 seconds)."""
    sock = cast(trio.SocketStream, connection.stream).socket
    sock.setsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


async def _curl(url: str, size: int) -> tuple[int, bytes, str]:
    """Exit status, what it got, and what it said. `size` bytes are to be expected."""
    command = ["curl", "--disable", "--silent", "--show-error", "--max-time", str(_SECONDS), "--noproxy", "*", url]
    run = partial(trio.run_process, command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    with trio.move_on_after(_SECONDS + 5), how_far("bytes", size) as tell:
        async with trio.open_nursery() as nursery:
            process: trio.Process = await nursery.start(run)
            assert process.stdout is not None
            assert process.stderr is not None
            got = b""
            async for piece in process.stdout:
                got += piece
                tell(len(got))
            said = b"".join([piece async for piece in process.stderr])
            return await process.wait(), got, said.decode(errors="replace").strip()
    raise OSError(f"curl did not come back within {_SECONDS} seconds")


def _why_so_many(got: int) -> str:
    """Of the bytes that the server has sent before the reset."""
    if got == _KEPT:
        return f"A reset throws away what still waits to be sent. This time, nothing did: curl has all {_KEPT} bytes."
    return (
        f"A reset throws away what still waits to be sent. Here {_KEPT - got} bytes did: a new connection may have "
        "only 10 packets\nunder way, and the acknowledgements that allow more had not come yet."
    )


def _described(got: bytes) -> str:
    if got == _PAGE:
        return f"{len(got)} bytes: {got.decode().strip()!r}"
    whole = " (all of them, in order)" if got == _LARGE else ""
    return f"{len(got)} bytes{whole}"
