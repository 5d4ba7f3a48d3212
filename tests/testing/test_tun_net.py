"""The fixture `tun_net`: a stack and the kernel in a private network, from any kind of test."""

import errno
import os
import socket
import subprocess
from collections.abc import Awaitable, Callable

import pytest
import trio
from scapy.utils import PcapNgReader

from pystack import Net
from pystack.testing import TunNet

pytest_plugins = ["pytester"]
pytestmark = pytest.mark.kernel

ADDRESSES = {socket.AF_INET: "10.0.0.2", socket.AF_INET6: "fd00:7079::2"}


async def serve(net: Net, client: Callable[[], Awaitable[bytes]]) -> bytes:
    """What a client gets of a server on the stack that says hello, and to whom."""

    async def hello(stream: trio.SocketStream) -> None:
        async with stream:
            await stream.receive_some()
            await stream.send_all(b"HTTP/1.0 200 OK\r\n\r\nhello " + stream.socket.getpeername()[0].encode())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, hello, await net.open_tcp_listeners(80))
        got = await client()
        nursery.cancel_scope.cancel()
    return got


def test_curl_from_a_synchronous_test(tun_net: TunNet) -> None:
    async def curl() -> bytes:
        result = await trio.run_process(tun_net.command("curl", "-s", "http://10.0.0.2/"), capture_stdout=True)
        return bytes(result.stdout)

    assert tun_net.run(lambda net: serve(net, curl)) == b"hello 10.0.0.1"
    assert tun_net.run(lambda net: serve(net, curl)) == b"hello 10.0.0.1", "and once more"


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["trio"])
@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6], ids=["IPv4", "IPv6"])
async def test_a_socket_of_the_kernel_from_an_asynchronous_test(family: int, tun_net: TunNet) -> None:
    async def client() -> bytes:
        with trio.socket.from_stdlib_socket(tun_net.kernel_socket(family)) as sock:
            await sock.connect((ADDRESSES[family], 80))
            await sock.send(b"who am I?")
            return bytes(await sock.recv(100)).split()[-1]

    async with tun_net as net:
        assert ADDRESSES[family] in [str(address) for address in net.addresses]
        (ours,) = [each.ip for each in tun_net.kernel_addresses if each.version == (4 if family == 2 else 6)]
        assert await serve(net, client) == str(ours).encode()


def test_this_process_is_not_in_that_network(tun_net: TunNet) -> None:
    shown = subprocess.run(tun_net.command("ip", "-br", "link"), capture_output=True, text=True, check=True).stdout
    assert sorted(line.split()[0] for line in shown.splitlines()) == ["lo", "tun0"]
    ours, theirs = os.readlink("/proc/self/ns/net"), tun_net.command("readlink", "/proc/self/ns/net")
    assert subprocess.run(theirs, capture_output=True, text=True, check=True).stdout.strip() != ours


def test_a_socket_that_there_is_not(tun_net: TunNet) -> None:
    with pytest.raises(OSError) as caught:
        tun_net.kernel_socket(99)
    assert caught.value.errno == errno.EAFNOSUPPORT
    tun_net.kernel_socket().close()


def test_the_network_goes_with_it(tun_net: TunNet) -> None:
    pid = tun_net._holder.pid
    assert os.path.exists(f"/proc/{pid}")
    tun_net.close()
    assert not os.path.exists(f"/proc/{pid}")


def test_a_failure_keeps_the_packets(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("""
        import socket
        import trio

        def test_fails(tun_net):
            async def main(net):
                with tun_net.kernel_socket(type=socket.SOCK_DGRAM) as sock:
                    sock.sendto(b"to nobody", ("10.0.0.2", 9))
                while not net.metrics.get("UdpNoPorts"):
                    await trio.sleep(0.01)
                raise LookupError
            tun_net.run(main)
    """)
    result = pytester.runpytest()
    result.assert_outcomes(failed=1)
    (line,) = [line for line in result.outlines if line.startswith("packets of tun_net: ")]
    assert not any(line.startswith("seed") for line in result.outlines)
    with PcapNgReader(line.partition(": ")[2]) as packets:
        assert any(b"to nobody" in bytes(packet) for packet in packets)
