"""`pystack serve`'s services over UDP, with the kernel's sockets; and when they are silent."""

import errno
import random
import socket
from typing import Any

import pytest
import trio

from pystack.cli import datagram_services
from pystack.cli.services import CHARGEN_PATTERN

ADDRESSES = [(socket.AF_INET, "10.0.0.2"), (socket.AF_INET6, "fd00:7079::2")]


def ask(family: int, port: int, data: bytes, address: str) -> bytes:
    """What a question is answered with. The answer has to come from whom was asked."""
    with socket.socket(family, socket.SOCK_DGRAM) as s:
        s.settimeout(10)
        s.connect((address, port))
        s.send(data)
        return s.recv(65_535)


def is_silent(family: int, port: int, data: bytes, address: str, source_port: int = 0) -> bool:
    """Whether a question from `source_port` has no answer by the time that a later one to port 7 has one."""
    with socket.socket(family, socket.SOCK_DGRAM) as s:
        s.bind(("", source_port))
        s.connect((address, port))
        s.send(data)
        assert ask(family, 7, b"later", address) == b"later"
        s.setblocking(False)
        try:
            s.recv(65_535)
        except BlockingIOError:
            return True
        return False


@pytest.mark.kernel
@pytest.mark.parametrize(("family", "address"), ADDRESSES)
def test_the_three_services(serve: Any, netns: Any, family: int, address: str) -> None:
    server = serve("--echo", "7", "--discard", "9", "--chargen", "19")
    data = random.Random(1).randbytes(60_000)

    def scenario() -> None:
        for size in (0, 1, 1472, 9000, 60_000):
            assert ask(family, 7, data[:size], address) == data[:size]
        assert is_silent(family, 9, b"x", address)
        answers = [ask(family, 19, b"", address) for _ in range(20)]
        assert all(CHARGEN_PATTERN.startswith(answer) for answer in answers)
        assert max(len(answer) for answer in answers) <= 512
        assert len(set(answers)) > 5
        for port in (7, 19, 1023):
            assert is_silent(family, 7, b"a loop", address, port)
        assert not is_silent(family, 7, b"none", address, 1024)
        with pytest.raises(ConnectionRefusedError):
            ask(family, 8, b"x", address)

    netns.call(scenario)
    assert server.stop() == (0, "", "")


@pytest.mark.kernel
def test_answers_come_from_where_the_question_went(serve: Any, netns: Any) -> None:
    serve("--address", "10.0.0.2/24", "--address", "10.0.0.3/24", "--echo", "7")
    assert netns.call(lambda: ask(socket.AF_INET, 7, b"x", "10.0.0.3")) == b"x"


class Scripted:
    """A socket to which these datagrams come, and which refuses to send to some; then the device is lost."""

    def __init__(self, questions: list[tuple[bytes, tuple[str, int]]], unreachable: str = "") -> None:
        self.questions = iter(questions)
        self.unreachable = unreachable
        self.sent: list[tuple[bytes, tuple[str, int]]] = []

    async def recvfrom(self, limit: int) -> tuple[bytes, tuple[str, int]]:
        try:
            return next(self.questions)
        except StopIteration:
            raise OSError(errno.ENETDOWN, "Network is down") from None

    async def sendto(self, data: bytes, to: tuple[str, int]) -> int:
        if to[0] == self.unreachable:
            raise OSError(errno.ENETUNREACH, "Network is unreachable")
        self.sent.append((data, to))
        return len(data)


def served(sock: Scripted, never_to: tuple[int, ...] = ()) -> list[int]:
    """To which ports it answers."""

    async def main() -> None:
        with pytest.raises(OSError) as caught:
            await datagram_services.serve_datagrams(sock, datagram_services.echo, never_to)  # type: ignore[arg-type]
        assert caught.value.errno == errno.ENETDOWN

    trio.run(main)
    return [to[1] for _, to in sock.sent]


def test_no_answer_to_ports_where_services_live() -> None:
    ports = [1, 7, 19, 1023, 1024, 5007, 5008, 65535]
    assert served(Scripted([(b"x", ("h", port)) for port in ports]), (5007, 19)) == [1024, 5008, 65535]


def test_an_answer_that_cannot_be_sent_ends_nothing() -> None:
    assert served(Scripted([(b"x", ("far", 2000)), (b"x", ("near", 2001))], "far")) == [2001]
