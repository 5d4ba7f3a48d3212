"""Networks of simulated hosts as trio programs have them."""

import subprocess
import sys
from io import BytesIO
from pathlib import Path

import pytest
import trio
import trio.lowlevel
from scapy.utils import PcapNgReader
from sim_programs import PORT, echo_client, echo_server, lab_of_two

from pystack.sim import Host, Network, Simulation, run
from pystack.sim.node import Buffers
from pystack.tcp.state import State

SECOND = 1_000_000_000


def test_programs_that_know_nothing_of_it() -> None:
    lab, a, b = lab_of_two(loss=0.01)

    async def main() -> tuple[int, float]:
        b.start_soon(echo_server)
        return await a.run(echo_client, "b", 1_000_000)

    got, ended = lab.run(main)
    assert got == 1_000_000
    assert 0.4 < ended < 30, "a megabyte at 20 Mbit/s takes 0.4 s at least"
    assert a.metrics["TcpRetransSegs"] > 0
    assert b.metrics["TcpPassiveOpens"] == 1


@pytest.mark.parametrize("address", ["10.0.0.2", "fd00::2"])
def test_streams_and_listeners_of_a_host(address: str) -> None:
    lab, a, b = lab_of_two()

    async def main() -> bytes:
        listeners = await b.open_tcp_listeners(PORT)
        assert len(listeners) == 2

        async def hello(stream: trio.SocketStream) -> None:
            async with stream:
                await stream.send_all(b"hello")

        lab.nursery.start_soon(trio.serve_listeners, hello, listeners)
        stream = await a.open_tcp_stream(address, PORT)
        async with stream:
            return await stream.receive_some()

    assert lab.run(main) == b"hello"


def test_time_is_exact() -> None:
    lab, a, b = lab_of_two(rate="8 Mbit/s", delay="40 ms")
    sent: list[tuple[int, str]] = []
    lab.simulation.taps.append(lambda now, name, packet: sent.append((now, f"{name} {len(packet)}")))

    async def main() -> None:
        listeners = await b.open_tcp_listeners(PORT)
        await trio.sleep(0.1)
        stream = await a.open_tcp_stream("10.0.0.2", PORT)
        await stream.aclose()
        for listener in listeners:
            await listener.aclose()

    lab.run(main)
    # 40 bytes of header and 20 of options at a byte a microsecond, and 40 ms: to the nanosecond.
    (first, who), (second, answers) = sent[:2]
    assert (first, who) == (100_000_000, "a 60")
    assert (second, answers) == (first + 60_000 + 40_000_000, "b 60")


def test_leaving_normally_closes_in_order() -> None:
    lab, a, b = lab_of_two()
    flags: list[str] = []
    lab.simulation.taps.append(lambda now, name, packet: flags.append(packet.reason))
    streams: list[trio.SocketStream] = []

    async def main() -> None:
        b.start_soon(echo_server)
        await trio.lowlevel.checkpoint()
        streams.append(await a.open_tcp_stream("10.0.0.2", PORT))
        await trio.sleep(1)

    lab.run(main)
    assert "reset" not in flags
    assert not [c for h in (a, b) for c in h.inspect().connections if c.info.state == str(State.ESTABLISHED)]


def test_leaving_by_an_exception_resets_and_raises_it_alone() -> None:
    lab, a, b = lab_of_two()

    async def main() -> None:
        b.start_soon(echo_server)
        await trio.lowlevel.checkpoint()
        await a.open_tcp_stream("10.0.0.2", PORT)
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        lab.run(main)
    assert a.metrics["TcpOutRsts"] == 1


def test_what_a_program_in_the_background_raises_the_network_raises() -> None:
    lab, a, _ = lab_of_two()

    async def broken() -> None:
        await trio.sleep(1)
        raise LookupError("in the background")

    async def main() -> None:
        a.start_soon(broken)
        await trio.sleep_forever()

    with pytest.raises(ExceptionGroup) as caught:
        lab.run(main)
    assert caught.group_contains(LookupError, match="in the background")


def test_programs_need_the_network_to_be_entered() -> None:
    _, a, _ = lab_of_two()

    async def main() -> None:
        with pytest.raises(RuntimeError, match="inside of `async with`"):
            a.start_soon(echo_server)

    run(main)


def test_a_capture_has_every_packet_and_who_sent_it(tmp_path: Path) -> None:
    for target in (tmp_path / "lab.pcapng", BytesIO()):
        lab = Network(capture=target)
        a, b = lab.host("a", "10.0.0.1"), lab.host("b", "10.0.0.2")
        lab.link(a, b, delay="1 ms")
        sent: list[bytes] = []
        lab.simulation.taps.append(lambda now, name, packet, sent=sent: sent.append(bytes(packet)))

        async def main(a: Host = a, b: Host = b) -> None:
            b.start_soon(echo_server)
            await trio.lowlevel.checkpoint()
            await a.run(echo_client, "b", 5000)

        lab.run(main)
        if isinstance(target, BytesIO):
            target.seek(0)
        else:
            data = target.read_bytes()
            target = BytesIO(data)
        packets = list(PcapNgReader(target))
        assert [bytes(packet) for packet in packets] == sent
        assert any(b"a: data" in (packet.comment or b"") for packet in packets)


RUN = """
import sys, trio
sys.path[:0] = ["tests/sim"]

from sim_programs import *
def digest(seed):
    lab, a, b = lab_of_two(seed, loss=0.05, jitter="5 ms", reorder=0.02, duplicate=0.01, corrupt=0.01)
    async def main():
        b.start_soon(echo_server)
        async with trio.open_nursery() as nursery:
            for n in range(5):
                nursery.start_soon(a.run, echo_client, "b", 30_000 + n)
    lab.run(main)
    return lab.digest
print(digest(1), digest(1), digest(2))
"""


@pytest.mark.parametrize("hashseed", ["0", "1", "random"])
def test_the_same_seed_gives_the_same_packets_in_every_process(hashseed: str, digests: list[str]) -> None:
    root = Path(__file__).parents[2]
    ran = subprocess.run(
        [sys.executable, "-c", RUN],
        cwd=root,
        env={"PYTHONHASHSEED": hashseed, "PATH": "/usr/bin:/bin"},
        check=True,
        capture_output=True,
        text=True,
    )
    first, again, other = ran.stdout.split()
    assert first == again
    assert first != other
    digests.append(first)
    assert set(digests) == {first}


@pytest.fixture(scope="module")
def digests() -> list[str]:
    return []


def test_poisoned_buffers_change_nothing() -> None:
    def digest(buffers: Buffers) -> str:
        lab = Network(5, buffers=buffers)
        a, b = lab.host("a", "10.0.0.1"), lab.host("b", "10.0.0.2")
        lab.link(a, b, delay="10 ms", loss=0.03, reorder=0.1)

        async def main() -> None:
            b.start_soon(echo_server)
            await trio.lowlevel.checkpoint()
            assert (await a.run(echo_client, "b", 200_000))[0] == 200_000

        lab.run(main)
        return lab.digest

    assert digest("lent") == digest("poisoned")


def test_a_million_seconds_of_keep_alive() -> None:
    lab = Simulation()
    a, b = lab.host("a", "10.0.0.1", keepalive=True), lab.host("b", "10.0.0.2")
    lab.link(a, b, delay="20 ms")
    listener = b.stack.listen(bytes(4), PORT, 5)
    endpoint = a.stack.connect(bytes((10, 0, 0, 2)), PORT, 0)
    a.settle()
    lab.run_until(time=1_000_000 * SECOND)
    assert endpoint.connection.state is State.ESTABLISHED
    assert listener.accept() is not None
    assert a.stack.metrics["TcpOutSegs"] >= 1_000_000 // 7200
    assert lab.clock.now == 1_000_000 * SECOND
