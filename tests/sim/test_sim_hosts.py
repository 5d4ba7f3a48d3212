"""Simulated hosts: their sockets and names, and what befalls them."""

import errno
import socket as stdlib
from pathlib import Path

import pytest
import trio
import trio.lowlevel
from sim_programs import PORT, echo_client, echo_server, lab_of_two

from pystack.sim import HostCrashed, Network, Simulation, run
from pystack.tcp.state import State
from pystack.testing import HostPair

SECOND = 1_000_000_000


def test_two_programs_of_one_run_live_on_two_hosts(lab: Network, host_pair: HostPair) -> None:
    a, b, _ = host_pair

    async def who(results: list[str]) -> None:
        with trio.socket.socket() as sock:
            await sock.bind(("", 0))
            await sock.connect(("10.0.0.2" if not results else "10.0.0.1", 9))
            results.append(sock.getsockname()[0])

    async def main() -> list[str]:
        listeners = [await host.open_tcp_listeners(9) for host in (a, b)]
        results: list[str] = []
        await a.run(who, results)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(b.run, who, results)
        assert len(listeners) == 2
        return results

    assert lab.run(main) == ["10.0.0.1", "10.0.0.2"]


def test_what_is_no_hosts_business_goes_to_the_kernel(lab: Network, host_pair: HostPair, tmp_path: Path) -> None:
    a = host_pair.a

    async def unix() -> bytes:
        listeners = trio.socket.socket(stdlib.AF_UNIX)
        await listeners.bind(str(tmp_path / "socket"))
        listeners.listen()
        client = await trio.open_unix_socket(tmp_path / "socket")
        server, _ = await listeners.accept()
        async with client:
            await client.send_all(b"kernel")
            data = await server.recv(10)
        server.close()
        listeners.close()
        return data

    async def main() -> None:
        # Waits on descriptors do not stop virtual time, and none is measured here.
        assert await a.run(unix) == b"kernel"
        with trio.socket.socket() as sock:
            assert sock.fileno() >= 0, "a task on no host has the kernel's sockets"

    lab.run(main)


def test_names(lab: Network, host_pair: HostPair) -> None:
    a = host_pair.a
    lab.host("old", "10.0.0.9", names=("www.example.org", "other"))
    getaddrinfo = trio.socket.getaddrinfo

    async def addresses(name: str, **kwargs: int) -> list[str]:
        return [str(info[4][0]) for info in await getaddrinfo(name, 80, type=stdlib.SOCK_STREAM, **kwargs)]

    async def inside() -> None:
        assert await addresses("b") == ["10.0.0.2", "fd00::2"]
        assert await addresses("B.") == ["10.0.0.2", "fd00::2"]
        assert await addresses("b", family=stdlib.AF_INET6) == ["fd00::2"]
        assert await addresses("www.example.org") == ["10.0.0.9"]
        assert await addresses("localhost") == ["127.0.0.1", "::1"]
        assert await addresses("10.1.2.3") == ["10.1.2.3"]
        assert (await getaddrinfo("b", "http"))[0][4][1] == 80
        with pytest.raises(stdlib.gaierror, match=r"no host 'example\.com' in this network"):
            await getaddrinfo("example.com", 80)
        assert await trio.socket.getnameinfo(("10.0.0.2", 80), stdlib.NI_NUMERICSERV) == ("b", "80")
        assert await trio.socket.getnameinfo(("10.0.0.2", 80), stdlib.NI_NUMERICHOST) == ("10.0.0.2", "http")
        with pytest.raises(stdlib.gaierror, match="nobody"):
            await trio.socket.getnameinfo(("10.7.7.7", 80), stdlib.NI_NAMEREQD)

    async def main() -> None:
        await a.run(inside)

    lab.run(main)
    with pytest.raises(ValueError, match="there is a host other already"):
        lab.host("other", "10.0.0.8")


def test_trio_has_its_own_sockets_again_afterwards() -> None:
    async def main() -> int:
        async with Network() as lab:
            lab.host("a", "10.0.0.1")
        with trio.socket.socket() as sock:
            return sock.fileno()

    assert run(main) >= 0


def test_a_crash_is_silent_and_a_restart_knows_of_nothing(lab: Network, host_pair: HostPair) -> None:
    a, b, _ = host_pair
    seen: list[str] = []

    async def patient() -> None:
        stream = await trio.open_tcp_stream("b", PORT)
        async with stream:
            await stream.send_all(b"before")
            assert await stream.receive_some() == b"before"
            seen.append("before")
            await trio.sleep(10)
            await stream.send_all(b"after")
            with pytest.raises(trio.BrokenResourceError) as caught:
                await stream.receive_some()
            assert isinstance(caught.value.__cause__, ConnectionResetError)
            seen.append("reset")

    async def main() -> None:
        b.start_soon(echo_server)
        lab.nursery.start_soon(a.run, patient)
        await trio.sleep(5)
        sent = b.metrics["TcpOutSegs"]
        b.crash()
        with pytest.raises(HostCrashed):
            await b.run(trio.sleep, 1)
        await trio.sleep(2)
        assert b.node.stack.metrics["TcpOutSegs"] == sent, "nobody is told"
        assert a.inspect().connections[0].info.state == str(State.ESTABLISHED)
        b.restart()
        await trio.sleep(10)

    lab.run(main)
    assert seen == ["before", "reset"]


def test_a_crash_ends_what_runs_on_the_host(lab: Network, host_pair: HostPair) -> None:
    a, b, _ = host_pair

    async def main() -> None:
        listeners = await b.open_tcp_listeners(PORT)
        stream = await a.open_tcp_stream("10.0.0.2", PORT)
        async with trio.open_nursery() as nursery:

            async def run_on_b() -> None:
                with pytest.raises(HostCrashed):
                    await b.run(trio.sleep_forever)

            async def accept_on_b() -> None:
                await listeners[0].socket.accept()
                with pytest.raises(OSError) as caught:
                    await listeners[0].socket.accept()
                assert caught.value.errno == errno.ENETDOWN

            nursery.start_soon(run_on_b)
            nursery.start_soon(accept_on_b)
            b.start_soon(trio.sleep_forever)
            await trio.sleep(1)
            b.crash()
            b.crash()
        with pytest.raises(OSError) as caught:
            await b.open_tcp_stream("10.0.0.1", PORT)
        assert caught.value.errno == errno.ENETDOWN
        b.restart()
        listeners = await b.open_tcp_listeners(PORT)
        await (await a.open_tcp_stream("10.0.0.2", PORT)).aclose()
        stream.socket.close()

    lab.run(main)


def test_a_host_moves(lab: Network, host_pair: HostPair) -> None:
    a, b, _ = host_pair

    async def main() -> None:
        b.start_soon(echo_server)
        await trio.lowlevel.checkpoint()
        stream = await a.open_tcp_stream("10.0.0.2", PORT)
        b.set_addresses("10.0.0.77")
        assert [str(each) for each in b.addresses] == ["10.0.0.77"]
        assert await a.run(echo_client, "b", 10) == (10, trio.current_time()), "by its name, at the new address"
        await stream.send_all(b"anybody?")
        with trio.move_on_after(30) as scope:
            await stream.receive_some()
        assert scope.cancelled_caught, "what was connected to the old address hears nothing more"
        stream.socket.close()

    lab.run(main)
    assert lab.simulation.unroutable > 3


def test_a_link_with_an_mtu_tells_its_ends() -> None:
    _, a, b = lab_of_two(mtu=1400)
    assert (a.mtu, b.mtu) == (1400, 1400)
    b.crash()
    b.restart()
    assert b.mtu == 1400
    _, a, b = lab_of_two(mtu=9000)
    assert (a.mtu, b.mtu) == (1500, 1500)


def test_settings_of_a_host() -> None:
    lab = Simulation()
    host = lab.host("a", "10.0.0.1/8", congestion="newreno", mtu=9000, icmp_ratelimit=5, ttl=9)
    config = host.stack.config
    assert (config.tcp.congestion, config.mtu, config.ip.icmp_ratelimit, config.ttl) == ("newreno", 9000, 5, 9)
    assert config.addresses == ((bytes((10, 0, 0, 1)), 8),)
    with pytest.raises(TypeError, match="there is no setting 'colour'"):
        lab.host("b", "10.0.0.2", colour="red")
    with pytest.raises(TypeError, match="nodelay and tcp= at once"):
        lab.host("c", "10.0.0.3", nodelay=True, tcp=config.tcp)
    with pytest.raises(ValueError, match="does not appear"):
        lab.host("d", "10.0.0")
    lab.host("b", "10.0.0.2")


def test_faults_as_the_command_line_writes_them() -> None:
    lab = Simulation()
    one, other = lab.host("one", "10.0.0.1"), lab.host("other", "10.0.0.2")
    link = lab.link(one, other, faults="out:drop=syn#1", delay="20 ms")
    sent: list[tuple[int, str]] = []
    lab.taps.append(lambda now, name, packet: sent.append((now, name)))
    other.stack.listen(bytes(4), PORT, 5)
    one.stack.connect(other.config.addresses[0][0], PORT, 0)
    one.settle()
    lab.run_until(time=10 * SECOND)
    assert sent == [(0, "one"), (SECOND, "one"), (SECOND + 20_000_000, "other"), (SECOND + 40_000_000, "one")]
    assert len(link.faults) == 1
    with pytest.raises(ValueError, match="there is no los"):
        lab.link(one, other, faults="los=1")
