"""The system calls of a script on our stack: results, errnos by name, details, and calls that wait."""

import errno

import pytest
from dut_lab import DGRAM, MS, OURS, OURS6, STREAM, TCP, THEIRS, THEIRS6, UDP, Lab

from pystack.drill.dut import Fd, IoVec, Linger, MsgHdr, Pending, PollFd, SockAddr, Unsupported
from pystack.ip.address import MAPPED_PREFIX
from pystack.sock import constants as c

O_NONBLOCK = 0x800


def nonblocking(lab: Lab, fd: Fd) -> None:
    assert lab.does("fcntl", fd, 4, 2 | O_NONBLOCK) == 0


def test_a_connection_is_accepted_read_written_and_closed() -> None:
    lab = Lab()
    fd = lab.accepted()
    lab.says("P.", 1, 1, 300)
    assert lab.hears() == ["0 . 1:1(0) ack 301"]
    assert lab.does("ioctl", fd, 0x541B, (300,)) == 0
    assert lab.details("ioctl", fd, 0x541B, (300,)) == 300
    assert lab.does("read", fd, ..., 1000) == 300
    assert lab.does("write", fd, ..., 2500) == 2500
    assert lab.details("ioctl", fd, 0x5411, (0,)) == 2500
    assert lab.hears() == [
        "0 . 1:1001(1000) ack 301",
        "0 . 1001:2001(1000) ack 301",
        "0 P. 2001:2501(500) ack 301",
    ]
    assert lab.does("close", fd) == 0
    assert lab.hears() == ["0 F. 2501:2501(0) ack 301"]
    assert lab.does("read", fd, ..., 1) == "EBADF"


def test_accept_waits_and_says_when_it_returned() -> None:
    lab = Lab()
    token = lab.begins("accept", lab.listener(), ..., ...)
    assert lab.ended(token) is None
    lab.waits(50)
    lab.says("S", 0, mss=1000)
    lab.hears()
    lab.waits(20)
    lab.says(".", 1, 1)
    lab.waits(5)
    value, at = lab.ended(token) or (0, 0)
    assert at == 70
    lab.dut.bind_fd(4, value)
    assert lab.does("write", Fd(4), ..., 10) == 10


def test_what_would_block_and_must_not() -> None:
    lab = Lab()
    listener = lab.listener()
    nonblocking(lab, listener)
    assert lab.does("fcntl", listener, 3) == 2 | O_NONBLOCK
    assert lab.does("accept", listener, ..., ...) == "EAGAIN"
    assert lab.does("read", listener, ..., 10) == "ENOTCONN"
    assert lab.does("write", listener, ..., 10) == "EPIPE"


def test_a_read_that_waits_ends_when_text_arrives_and_one_with_dontwait_at_once() -> None:
    lab = Lab()
    fd = lab.accepted()
    assert lab.does("recv", fd, ..., 10, c.MSG_DONTWAIT) == "EAGAIN"
    token = lab.begins("read", fd, ..., 500)
    lab.waits(200)
    lab.says("P.", 1, 1, 300)
    lab.waits(10)
    assert lab.ended(token) == (300, 200)
    with pytest.raises(Unsupported):
        lab.dut.poll(token)  # it has been told


def test_waitall_and_peek() -> None:
    lab = Lab()
    fd = lab.accepted()
    lab.says("P.", 1, 1, 300)
    assert lab.does("recv", fd, ..., 500, c.MSG_PEEK) == 300
    token = lab.begins("recv", fd, ..., 400, c.MSG_WAITALL)
    lab.waits(10)
    lab.says("P.", 301, 1, 300)
    assert lab.ended(token) == (400, 10)
    token = lab.begins("recv", fd, ..., 400, c.MSG_WAITALL)
    lab.says("F.", 601, 1)
    assert lab.ended(token) == (200, 10)


def test_a_write_that_waits_ends_when_all_of_it_is_queued() -> None:
    lab = Lab()
    fd = lab.accepted(wnd=65535, mss=1000)
    assert lab.does("setsockopt", fd, 1, c.SO_SNDBUF, (5000,), 4) == 0
    assert lab.details("getsockopt", fd, 1, c.SO_SNDBUF, (0,), (4,)) == (10_000, 4)
    token = lab.begins("write", fd, ..., 12_000)
    assert lab.ended(token) is None
    lab.waits(100)
    lab.says(".", 1, 10_001, wnd=65535)
    assert lab.ended(token) == (12_000, 100)
    nonblocking(lab, fd)
    assert lab.does("write", fd, ..., 20_000) == 8000
    assert lab.does("write", fd, ..., 20_000) == "EAGAIN"


def test_a_write_that_waits_is_cut_short_by_a_reset_whose_error_the_next_call_has() -> None:
    lab = Lab()
    fd = lab.accepted()
    lab.does("setsockopt", fd, 1, c.SO_SNDBUF, (5000,), 4)
    token = lab.begins("write", fd, ..., 12_000)
    lab.says("R.", 1, 1)
    assert lab.ended(token) == (10_000, 0)
    assert lab.does("write", fd, ..., 1) == "ECONNRESET"
    assert lab.does("write", fd, ..., 1) == "EPIPE"


@pytest.mark.parametrize("answer", ["S.", "R."])
def test_connect_without_waiting(answer: str) -> None:
    lab = Lab()
    fd = lab.socket()
    nonblocking(lab, fd)
    assert lab.does("connect", fd, ..., ...) == "EINPROGRESS"
    assert lab.does("connect", fd, ..., ...) == "EALREADY"
    assert lab.hears() == ["0 S 0:0(0)"]
    lab.their_port = 8080
    lab.says(answer, 0, 1, mss=1000)
    if answer == "R.":
        assert lab.details("getsockopt", fd, 1, c.SO_ERROR, (0,), (4,)) == (errno.ECONNREFUSED, 4)
        return
    assert lab.hears() == ["0 . 1:1(0) ack 1"]
    assert lab.details("getsockopt", fd, 1, c.SO_ERROR, (0,), (4,)) == (0, 4)
    assert lab.does("connect", fd, ..., ...) == 0
    assert lab.does("connect", fd, ..., ...) == "EISCONN"
    assert lab.details("getpeername", fd, ..., ...) == SockAddr(c.AF_INET, THEIRS, 8080)


def test_connect_that_waits_ends_with_the_handshake_or_the_last_syn() -> None:
    lab = Lab(sysctls={"net.ipv4.tcp_syn_retries": "1"})
    token = lab.begins("connect", lab.socket(), ..., ...)
    lab.waits(10_000)
    assert lab.hears() == ["0 S 0:0(0)", "1000 S 0:0(0)"]
    assert lab.ended(token) == ("ETIMEDOUT", 3000)
    lab.socket(5)
    token = lab.begins("connect", Fd(5), ..., ...)
    lab.hears()
    lab.their_port = 8080
    lab.waits(30)
    lab.says("S.", 0, 1, mss=1000)
    assert lab.ended(token) == (0, 10_030)


def test_connect_to_af_unspec_disconnects() -> None:
    lab = Lab()
    fd = lab.accepted()
    assert lab.does("connect", fd, 0, ...) == 0
    assert [shown.split()[1] for shown in lab.hears()] == ["R."]
    assert lab.does("getpeername", fd, ..., ...) == "ENOTCONN"


def test_a_close_that_lingers_waits_for_the_peer_or_its_time() -> None:
    for acknowledged in (True, False):
        lab = Lab()
        fd = lab.accepted()
        assert lab.does("setsockopt", fd, 1, c.SO_LINGER, (Linger(1, 3),), 8) == 0
        assert lab.details("getsockopt", fd, 1, c.SO_LINGER, (Linger(0, 0),), (8,)) == (Linger(1, 3), 8)
        lab.does("write", fd, ..., 100)
        token = lab.begins("close", fd)
        lab.waits(100)
        assert lab.ended(token) is None
        if acknowledged:
            lab.says(".", 1, 102)
        lab.waits(5000)
        assert lab.ended(token) == (0, 100 if acknowledged else 3000)


def test_poll_tells_what_holds_and_waits_for_it() -> None:
    lab = Lab()
    fd = lab.accepted()
    asked = (PollFd(fd, c.POLLIN | c.POLLOUT), PollFd(Fd(77), c.POLLIN))
    assert lab.details("poll", asked, 2, 0) == (
        PollFd(fd, c.POLLIN | c.POLLOUT, c.POLLOUT),
        PollFd(Fd(77), c.POLLIN, 0x20),
    )
    reading = (PollFd(fd, c.POLLIN),)
    assert lab.does("poll", reading, 1, 0) == 0
    token = lab.begins("poll", reading, 1, 40)
    lab.waits(100)
    assert lab.ended(token) == (0, 40)
    token = lab.begins("poll", reading, 1, -1)
    lab.waits(100)
    lab.says("P.", 1, 1, 5)
    assert lab.ended(token) == (1, 200)


def test_gathered_and_scattered() -> None:
    lab = Lab()
    fd = lab.accepted()
    parts = (IoVec(..., 100), IoVec(b"abc", 3))
    assert lab.does("writev", fd, parts, 2) == 103
    assert lab.does("sendmsg", fd, MsgHdr(parts, name=...), 0) == 103
    assert bytes(lab.dut.drain()[0][1]).endswith(bytes(100) + b"abc")
    lab.says("P.", 1, 1, 50)
    assert lab.does("readv", fd, (IoVec(..., 20), IoVec(..., 20)), 2) == 40
    assert lab.details("recvmsg", fd, MsgHdr((IoVec(..., 20),), name=...), 0).iov == (IoVec(bytes(10), 10),)


def test_a_file_is_zeroes_that_sendfile_sends() -> None:
    lab = Lab()
    fd = lab.accepted()
    lab.dut.bind_fd(9, lab.does("open", b"/tmp/zeroes", 0))
    assert lab.does("sendfile", fd, Fd(9), (0,), 700) == 700
    assert lab.hears() == ["0 P. 1:701(700) ack 1"]
    assert lab.does("close", Fd(9)) == 0
    assert lab.does("sendfile", fd, Fd(9), (0,), 700) == "EBADF"


def test_null_is_a_bad_address() -> None:
    lab = Lab()
    fd = lab.accepted()
    assert lab.does("write", fd, 0, 10) == "EFAULT"
    assert lab.does("read", fd, 0, 10) == "EFAULT"


def test_options_by_number_string_and_length() -> None:
    lab = Lab()
    fd = lab.socket()
    assert lab.does("setsockopt", fd, 6, c.TCP_CONGESTION, b"reno", 4) == 0
    assert lab.details("getsockopt", fd, 6, c.TCP_CONGESTION, (b"",), (16,)) == (b"reno", 16)
    assert lab.does("setsockopt", fd, 6, c.TCP_NODELAY, (1,), 2) == "EINVAL"
    assert lab.does("setsockopt", fd, 6, c.TCP_NODELAY, (1,), -1) == "EINVAL"
    assert lab.does("setsockopt", fd, 6, 9999, (1,), 4) == "ENOPROTOOPT"
    assert lab.details("getsockopt", fd, 6, c.TCP_NODELAY, (0,), (4,)) == (0, 4)


def test_udp_both_ways() -> None:
    lab = Lab()
    fd = lab.socket(3, DGRAM, UDP)
    assert lab.does("bind", fd, ..., ...) == 0
    assert lab.does("sendto", fd, ..., 100, 0, ..., ...) == 100
    assert lab.does("connect", fd, ..., ...) == 0
    assert lab.does("write", fd, ..., 50) == 50
    assert [len(packet) for _, packet in lab.dut.drain()] == [128, 78]
    token = lab.begins("read", fd, ..., 10)
    lab.dut.advance(lab.dut.now + MS)
    assert lab.ended(token) is None


@pytest.mark.parametrize(
    ("version", "ours", "theirs", "shown"),
    [
        ("ipv6", OURS6, THEIRS6, THEIRS6),
        ("ipv4-mapped-ipv6", OURS, THEIRS, MAPPED_PREFIX + THEIRS),
    ],
)
def test_the_other_families(version: str, ours: bytes, theirs: bytes, shown: bytes) -> None:
    lab = Lab(ours=ours, theirs=theirs, ip_version=version, prefix=64 if version == "ipv6" else 16)
    fd = lab.accepted()
    assert lab.details("getpeername", fd, ..., ...) == SockAddr(c.AF_INET6, shown, 40000)
    assert lab.does("write", fd, ..., 10) == 10
    assert lab.hears() == ["0 P. 1:11(10) ack 1"]
    assert lab.does("close", fd) == 0
    caller = lab.socket(7)
    nonblocking(lab, caller)
    assert lab.does("connect", caller, ..., ...) == "EINPROGRESS"
    assert lab.hears() == ["0 F. 11:11(0) ack 1", "0 S 0:0(0)"]


def test_what_the_adapter_has_not() -> None:
    lab = Lab()
    fd = lab.socket()
    for name, *args in (("epoll_create", 1), ("bind", fd), ("fcntl", fd, 99), ("ioctl", fd, 99, (0,))):
        with pytest.raises(Unsupported):
            lab.dut.call(name, tuple(args))
    with pytest.raises(Unsupported):
        lab.dut.call("sendto", (lab.accepted(8), ..., 10, 0x20000000, ..., ...))


def test_errnos_of_descriptors() -> None:
    lab = Lab()
    assert lab.does("socket", 99, STREAM, TCP) == "EAFNOSUPPORT"
    assert lab.does("listen", Fd(3), 1) == "EBADF"
    assert lab.does("listen", lab.socket(3, DGRAM, UDP), 1) == "EOPNOTSUPP"
    lab.dut.bind_fd(9, lab.does("open", b"x", 0))
    assert lab.does("listen", Fd(9), 1) == "ENOTSOCK"


def test_a_call_that_waits_is_pending_until_it_has_been_told() -> None:
    lab = Lab()
    token = lab.begins("accept", lab.listener(), ..., ...)
    assert lab.dut.poll(token) == Pending(token) == lab.dut.poll(token)
