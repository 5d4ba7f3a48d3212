"""A server meets half-open clients: they have gone without a word, and their connections stay until somebody asks."""

import socket

import pytest
import trio

from pystack.sim import Network
from pystack.testing import HostPair

# What is tested: a server that sends news to whoever is there. It knows nothing of pystack.


class News:
    """`clients` are those that the server believes to be there, `ends` says how each of the others went."""

    def __init__(self, keepalive: bool) -> None:
        self.clients: set[trio.SocketStream] = set()
        self.ends: list[str] = []
        self._keepalive = keepalive

    async def serve(self) -> None:
        await trio.serve_tcp(self._stay, 8000)

    async def send(self, news: bytes) -> None:
        for client in list(self.clients):
            await client.send_all(news)

    async def _stay(self, client: trio.SocketStream) -> None:
        if self._keepalive:  # is the client there? After a minute, and then every 10 seconds, for 5 times
            client.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 60)
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 10)
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 5)
        self.clients.add(client)
        try:
            while await client.receive_some():
                pass
            self.ends.append("closed")
        except trio.BrokenResourceError as error:
            self.ends.append(type(error.__cause__).__name__)
        finally:
            self.clients.discard(client)
            await trio.aclose_forcefully(client)


# Who comes.


async def reader(name: str) -> None:
    async with await trio.open_tcp_stream(name, 8000) as stream:
        async for _ in stream:
            pass


async def fifty_readers(name: str) -> None:
    async with trio.open_nursery() as nursery:
        for _ in range(50):
            nursery.start_soon(reader, name)


# The tests.


def test_without_keep_alive_they_stay_for_ever(lab: Network, host_pair: HostPair) -> None:
    a, b, _ = host_pair
    news = News(keepalive=False)

    async def main() -> None:
        b.start_soon(news.serve)
        await trio.lowlevel.checkpoint()
        a.start_soon(fifty_readers, "b")
        await trio.sleep(10)
        a.crash()
        await trio.sleep(24 * 3600)
        assert len(news.clients) == 50
        assert len(b.inspect().connections) == 50

    lab.run(main)


def test_with_keep_alive_they_are_gone_within_two_minutes(lab: Network, host_pair: HostPair) -> None:
    a, b, _ = host_pair
    news = News(keepalive=True)

    async def main() -> None:
        b.start_soon(news.serve)
        await trio.lowlevel.checkpoint()
        a.start_soon(fifty_readers, "b")
        await trio.sleep(3600)
        assert len(news.clients) == 50, "whoever answers may be silent for as long as he likes"
        a.crash()
        await trio.sleep(120)
        assert news.ends == ["TimeoutError"] * 50
        assert b.inspect().connections == ()

    lab.run(main)


def test_a_client_that_has_started_again_says_so_when_it_is_spoken_to(lab: Network, host_pair: HostPair) -> None:
    a, b, _ = host_pair
    news = News(keepalive=False)

    async def main() -> None:
        b.start_soon(news.serve)
        await trio.lowlevel.checkpoint()
        a.start_soon(reader, "b")
        await trio.sleep(10)
        a.crash()
        a.restart()
        await trio.sleep(24 * 3600)
        assert news.ends == []
        await news.send(b"rain\n")
        await trio.sleep(1)
        assert news.ends == ["ConnectionResetError"]

    lab.run(main)


@pytest.mark.parametrize("host_pair", [{"faults": "out:drop=ack#1,drop=data"}], indirect=True)
def test_a_handshake_that_is_never_completed_is_no_client(lab: Network, host_pair: HostPair) -> None:
    a, b, _ = host_pair
    news = News(keepalive=False)

    async def main() -> None:
        b.start_soon(news.serve)
        await trio.lowlevel.checkpoint()
        a.start_soon(reader, "b")
        await trio.sleep(0.1)
        assert [each.info.state for each in b.inspect().connections] == ["SYN-RECEIVED"]
        assert news.clients == set()
        a.crash()
        await trio.sleep(300)
        assert b.inspect().connections == ()

    lab.run(main)
