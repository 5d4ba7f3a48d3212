"""Events in order, each at its time, on a stack that does what the test says: numbers, times, verdicts."""

from collections import deque

import pytest
from drill_fake import MS, FakeDut, injected_segment, segment

from pystack.drill.dut import Done, Failed, Fd, Pending
from pystack.drill.judging import judge
from pystack.drill.script import Position, Tcp, TcpOption
from pystack.drill.settings import Relaxed
from pystack.drill.tcpoptions import decode
from pystack.drill.verdicts import Verdict
from pystack.wire.tcp import ACK, FIN, PSH, RST, SYN

ISS = 0xFFFFFF00
OPENED = """\
0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0 listen(3, 1) = 0
+0 < S 1000:1000(0) win 100
+0 > S. 0:0(0) ack 1001 win 9
+0 < . 1:1(0) ack 1 win 100
+0 accept(3, ..., ...) = 4
"""


def sent(flags: int, seq: int, ack: int, size: int = 0, win: int = 9, options: tuple[TcpOption, ...] = ()) -> bytes:
    """A segment in live numbers, counted from both ISNs."""
    return segment(Tcp(flags, (ISS + seq) % 2**32, size, (1000 + ack) % 2**32, win, options=options))


def opened() -> FakeDut:
    dut = FakeDut({"socket": [Done(31)], "accept": [Done(41)]})
    dut.plan(0, sent(SYN | ACK, 0, 1))
    return dut


def judged(dut: FakeDut, text: str, *, relaxed: Relaxed = Relaxed()) -> Verdict:  # noqa: B008 (frozen)
    return judge(OPENED + text, dut, path="s.pkt", relaxed=relaxed)


def passed(dut: FakeDut, text: str, *, relaxed: Relaxed = Relaxed()) -> None:  # noqa: B008
    verdict = judged(dut, text, relaxed=relaxed)
    assert verdict.has_passed, verdict.text


def failed(dut: FakeDut, text: str, words: str, verdict: str = "fail") -> Verdict:
    found = judged(dut, text)
    assert found.verdict == verdict, found.text
    assert words in found.text
    return found


# Numbers


def test_numbers_of_the_script_and_of_the_wire() -> None:
    dut = opened()
    dut.plan(0, sent(PSH | ACK, 1, 11, 5))
    passed(dut, "+0 < P. 1:11(10) ack 1 win 100 <nop,nop,sack 3:5>\n+0 > P. 1:6(5) ack 11")
    syn, ack, text = (injected_segment(data) for _, data in dut.injected)
    assert (syn.seq, syn.ack, syn.flags, syn.wnd) == (1000, 0, SYN, 100)
    assert (ack.seq, ack.ack) == (1001, (ISS + 1) % 2**32)
    assert (text.seq, text.size) == (1001, 10)
    assert text.options.sack == (((ISS + 3) % 2**32, (ISS + 5) % 2**32),)
    assert (syn.src_port, syn.dst_port) == (40000, 8080)


def test_a_second_syn_does_not_move_the_numbers() -> None:
    dut = opened()
    dut.plan(0, sent(ACK, 1, 1))
    passed(dut, "+0 < S 5000:5000(0) win 100\n+0 > . 1:1(0) ack 1")
    assert injected_segment(dut.injected[-1][1]).seq == 5000


def test_what_the_stack_acknowledges_in_sack_blocks_is_the_peers_count() -> None:
    dut = opened()
    dut.plan(0, sent(ACK, 1, 1, options=(TcpOption("nop"), TcpOption("nop"), TcpOption("sack", (1011, 1021)))))
    passed(dut, "+0 > . 1:1(0) ack 1 <nop,nop,sack 11:21>")


def test_an_active_open_takes_its_ports_and_numbers_from_the_syn() -> None:
    dut = FakeDut({"socket": [Done(1)], "connect": [Failed("EINPROGRESS")]})
    dut.plan(0, segment(Tcp(SYN, ISS, 0, 0, 7), (33333, 8080)))
    dut.plan(1, segment(Tcp(ACK, ISS + 1, 0, 701, 7), (33333, 8080)))
    text = (
        "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n+0 connect(3, ..., ...) = -1 EINPROGRESS\n"
        "+0 > S 55:55(0)\n+0 < S. 700:700(0) ack 56 win 9\n+0 > . 1:1(0) ack 1\n"
        "+0 < icmp unreachable host_unreachable [1:11(10)]"
    )
    verdict = judge(text, dut)
    assert verdict.has_passed, verdict.text
    answer = injected_segment(dut.injected[0][1])
    assert (answer.src_port, answer.dst_port, answer.seq, answer.ack) == (8080, 33333, 700, ISS + 1)
    assert dut.injected[1][1][28 + 20 + 4 :][:4] == (ISS + 1).to_bytes(4, "big")


def test_ports_that_a_line_says_are_another_connection() -> None:
    dut = opened()
    dut.plan(2, segment(Tcp(RST, 7, 0, 0, 0), (8080, 12345)))
    dut.plan(1, sent(ACK, 1, 1))
    passed(dut, "+0 < 12345 > 8080 . 5:5(0) ack 7 win 1\n+0 > . 1:1(0) ack 1\n+0 > 8080 > 12345 R 7:7(0)")
    stray = injected_segment(dut.injected[-1][1])
    assert (stray.src_port, stray.dst_port, stray.seq, stray.ack) == (12345, 8080, 5, 7)


def test_an_echoed_timestamp_is_the_live_one() -> None:
    dut = opened()
    stamps = (TcpOption("nop"), TcpOption("nop"), TcpOption("TS", (777777, 5)))
    dut.plan(0, sent(ACK, 1, 1, options=stamps))
    passed(dut, "+0 > . 1:1(0) ack 1 <nop,nop,TS val 100 ecr 5>\n+0 < . 1:1(0) ack 1 win 1 <nop,nop,TS val 9 ecr 100>")
    assert decode(dut.injected[-1][1][40:])[-1] == TcpOption("TS", (9, 777777))


def test_an_echo_of_nothing_is_an_error_of_the_script_or_scaled() -> None:
    line = "+0 < . 1:1(0) ack 1 win 1 <nop,nop,TS val 9 ecr 100>"
    failed(opened(), line, "ecr 100", "script error")
    dut = opened()
    dut.plan(0, sent(ACK, 1, 1, options=(TcpOption("nop"), TcpOption("nop"), TcpOption("TS", (5000, 0)))))
    text = f"--tcp_ts_ecr_scaled\n{OPENED}+0 > . 1:1(0) ack 1 <nop,nop,TS val 90 ecr 0>\n{line}"
    assert judge(text, dut).has_passed
    assert decode(dut.injected[-1][1][40:])[-1] == TcpOption("TS", (9, 5010))


@pytest.mark.parametrize(("val", "verdict"), [(1100, "pass"), (1105, "pass"), (1400, "fail")])
def test_timestamps_go_on_by_ticks_where_they_are_looked_at(val: int, verdict: str) -> None:
    dut = opened()
    for at, value in ((0, 1000), (100, val)):
        dut.plan(at, sent(ACK, 1, 1, options=(TcpOption("nop"), TcpOption("nop"), TcpOption("TS", (value, 0)))))
    text = "+0 > . 1:1(0) ack 1 <nop,nop,TS val 1 ecr 0>\n+.1 > . 1:1(0) ack 1 <nop,nop,TS val 101 ecr 0>"
    assert judge(f"--tcp_ts_tick_usecs=1000\n{OPENED}{text}", dut).verdict == verdict


# Packets that are not the expected ones


@pytest.mark.parametrize(
    ("packet", "words"),
    [
        (sent(ACK | PSH, 1, 1), "flags: P., not ."),
        (sent(ACK, 2, 1), "sequence number: 2, not 1"),
        (sent(ACK, 1, 2), "acknowledgement number: 2, not 1"),
        (sent(ACK, 1, 1, win=8), "window: 8, not 9"),
        (sent(ACK, 1, 1, 3), "length: 3, not 0"),
        (sent(ACK, 1, 1, options=(TcpOption("nop"),) * 4), "options"),
        (segment(Tcp(ACK, ISS + 1, 0, 1001, 9, 5)), "urgent pointer: 5, not 0"),
    ],
)
def test_each_field_is_compared(packet: bytes, words: str) -> None:
    dut = opened()
    dut.plan(0, packet)
    found = failed(dut, "+0 > . 1:1(0) ack 1 win 9", words)
    assert found.at == Position(7, 1)


def test_a_report_shows_both_packets_and_those_before() -> None:
    dut = opened()
    dut.plan(250, sent(ACK, 1, 2))
    found = failed(dut, "+.25 > . 1:1(0) ack 1", "acknowledgement")
    assert found.text.splitlines() == [
        "s.pkt:7:1: fail: acknowledgement number: 2, not 1",
        "  expected: > . 1:1(0) ack 1",
        "  actual:   > . 1:1(0) ack 2 win 9  (at 0.25)",
        "  the packets before:",
        "             0 < S 1000:1000(0) win 100",
        "             0 > S. 0:0(0) ack 1001 win 9",
        "             0 < . 1:1(0) ack 1 win 100",
    ]


def test_nothing_was_sent() -> None:
    dut = opened()
    dut.plan(2500, sent(ACK, 1, 1))
    found = failed(dut, "+.25 > . 1:1(0) ack 1", "has sent nothing")
    assert "actual:   none  (until 2.25)" in found.text


def test_packets_of_others_are_passed_over() -> None:
    dut = opened()
    dut.plan(0, segment(Tcp(ACK, 5, 0, 5, 5), (1, 2)))
    dut.plan(0, sent(ACK, 1, 1))
    passed(dut, "+0 > . 1:1(0) ack 1")


def test_a_wrong_checksum_fails() -> None:
    dut = opened()
    packet = bytearray(sent(ACK, 1, 1))
    packet[36] ^= 1
    dut.plan(0, bytes(packet))
    failed(dut, "+0 > . 1:1(0) ack 1", "bad TCP checksum")


# Segments that make up one line


def test_segments_are_joined() -> None:
    dut = opened()
    for at, (flags, seq, size) in enumerate(((ACK, 1, 100), (ACK | PSH, 101, 100), (ACK | PSH | FIN, 201, 50))):
        dut.plan(at, sent(flags, seq, 1, size))
    passed(dut, "+.002 > FP. 1:251(250) ack 1")


def test_a_segment_that_is_no_part_is_left() -> None:
    dut = opened()
    dut.plan(0, sent(ACK, 1, 1, 100))
    dut.plan(0, sent(ACK, 101, 2, 100))
    failed(dut, "+0 > . 1:201(200) ack 1", "length: 100, not 200")


def test_all_parts_but_the_last_have_one_size() -> None:
    dut = opened()
    for seq, size in ((1, 100), (101, 90), (191, 60)):
        dut.plan(0, sent(ACK, seq, 1, size))
    failed(dut, "+0 > . 1:251(250) ack 1", "length: 100, not 250")


def test_strict_segments_are_not_joined_unless_relaxed() -> None:
    def two() -> FakeDut:
        dut = opened()
        dut.plan(0, sent(ACK, 1, 1, 100))
        dut.plan(0, sent(ACK, 101, 1, 100))
        return dut

    text = f"--strict_segments\n{OPENED}+0 > . 1:201(200) ack 1"
    assert judge(text, two()).verdict == "fail"
    assert judge(text, two(), relaxed=Relaxed(group=True)).has_passed


def test_a_segment_is_split_where_that_is_relaxed() -> None:
    lines = "+0 > . 1:101(100) ack 1\n+0 > P. 101:251(150) ack 1\n+0 > . 251:251(0) ack 2"

    def dut() -> FakeDut:
        dut = opened()
        dut.plan(0, sent(PSH | ACK, 1, 1, 200))
        dut.plan(0, sent(PSH | ACK, 201, 1, 50))
        dut.plan(0, sent(ACK, 251, 2))
        return dut

    failed(dut(), lines, "length: 200, not 100")
    passed(dut(), lines, relaxed=Relaxed(group=True))


@pytest.mark.parametrize(
    ("relaxed", "line"),
    [
        (Relaxed(psh=True), "> . 1:6(5) ack 1 win 9 <nop,nop,sackOK>"),
        (Relaxed(win=True), "> P. 1:6(5) ack 1 win 8 <nop,nop,sackOK>"),
        (Relaxed(optorder=True), "> P. 1:6(5) ack 1 win 9 <sackOK,eol,eol>"),
    ],
)
def test_what_is_relaxed_is_not_looked_at(relaxed: Relaxed, line: str) -> None:
    def dut() -> FakeDut:
        dut = opened()
        dut.plan(0, sent(PSH | ACK, 1, 1, 5, options=(TcpOption("nop"), TcpOption("nop"), TcpOption("sackOK"))))
        return dut

    assert judged(dut(), f"+0 {line}").verdict == "fail"
    passed(dut(), f"+0 {line}", relaxed=relaxed)


# Times


@pytest.mark.parametrize(
    ("line", "verdict"),
    [
        ("+.1 >", "pass"),
        ("+.104 >", "fail"),  # 12.5% of 0.104 s is more than 4 ms, but the packet comes at .0861
        ("+.0765 >", "fail"),
        ("+.08~+.09 >", "pass"),
        ("+.0861 >", "pass"),
        ("+0~+.083 >", "pass"),
        ("+0~+.081 >", "fail"),
        ("* >", "pass"),
        ("0.0861 >", "pass"),
        ("0.11 >", "fail"),
    ],
)
def test_tolerances(line: str, verdict: str) -> None:
    dut = opened()
    dut.plan(86.1 if line != "+.1 >" else 87.6, sent(ACK, 1, 1))
    assert judged(dut, f"{line} . 1:1(0) ack 1").verdict == verdict


def test_an_early_packet_is_too_early() -> None:
    dut = opened()
    dut.plan(0, sent(ACK, 1, 1))
    failed(dut, "+.5 read(4, ..., 1) = 0\n+.5 > . 1:1(0) ack 1", "sent at 0, not at 1 (give or take 0.0625)")


def test_a_relative_time_counts_from_when_the_event_before_was_over() -> None:
    dut = opened()
    dut.plan(103, sent(ACK, 1, 1))
    passed(dut, "+.1 > . 1:1(0) ack 1\n+.1 < . 1:1(0) ack 1 win 5\n+.1 < . 1:1(0) ack 1 win 5")
    assert [at // MS - 5000 for at, _ in dut.injected][2:] == [203, 303]


def test_times_never_go_back() -> None:
    failed(opened(), "2 close(4) = 0\n1 close(3) = 0", "never go back", "script error")


@pytest.mark.parametrize("first", ["0.1", "*", "+1"])
def test_the_first_event_is_at_zero(first: str) -> None:
    verdict = judge(f"{first} > . 1:1(0)", FakeDut())
    assert (verdict.verdict, verdict.reason) == ("script error", "the first event is at time 0")


# Calls


def test_arguments_and_descriptors() -> None:
    dut = opened()
    dut.results["fcntl"] = deque([Done(0x802)])
    passed(dut, "+0 fcntl(4, F_GETFL) = 0x802 (flags O_RDWR|O_NONBLOCK)\n+0 close(4) = 0")
    assert dut.bound == {3: 31, 4: 41}
    assert dut.calls[0] == ("socket", (..., 1, 6))
    assert dut.calls[-2:] == [("fcntl", (Fd(4), 3)), ("close", (Fd(4),))]


@pytest.mark.parametrize(
    ("result", "line", "words"),
    [
        (Done(5), "= 4", "read() returns 5, not 4"),
        (Failed("EAGAIN"), "= 4", "returns -1 EAGAIN, not 4"),
        (Failed("EAGAIN"), "= -1 EPIPE", "returns EAGAIN, not EPIPE"),
        (Done(0), "= -1 EPIPE", "returns 0, not -1 EPIPE"),
        (Done(2, b"\0x"), "= 2", "not all zeros"),
        (Pending(7), "= 2", "read() does not return"),
    ],
)
def test_results_are_compared(result: Done | Failed | Pending, line: str, words: str) -> None:
    dut = opened()
    dut.results["read"] = deque([result])
    failed(dut, f"+0 read(4, ..., 9) {line}", words)


def test_one_errno_by_two_names() -> None:
    dut = opened()
    dut.results["read"] = deque([Failed("EAGAIN")])
    passed(dut, "+0 read(4, ..., 9) = -1 EWOULDBLOCK")


@pytest.mark.parametrize(("at", "verdict"), [(200, "pass"), (210, "pass"), (150, "fail"), (240, "fail")])
def test_a_call_that_waits_returns_in_time(at: int, verdict: str) -> None:
    dut = opened()
    dut.results["read"] = deque([Pending(7)])
    dut.finished[7] = Done(3, at=(5000 + at) * MS)
    assert judged(dut, "+0...0.2 read(4, ..., 9) = 3\n+.5 < . 1:1(0) ack 1 win 7").verdict == verdict


def test_a_call_that_waits_is_waited_for_by_the_next_and_at_the_end() -> None:
    dut = opened()
    dut.results["read"] = deque([Pending(7)])
    dut.finished[7] = Done(3, at=5200 * MS)
    passed(dut, "+0...0.2 read(4, ..., 9) = 3\n+0 close(4) = 0")
    assert dut.now >= 5200 * MS
    dut = opened()
    dut.results["read"] = deque([Pending(7)])
    failed(dut, "+0...0.2 read(4, ..., 9) = 3", "read() does not return")


def test_symbols_and_calls_that_nobody_knows() -> None:
    failed(opened(), "+0 shutdown(4, SHUT_IT) = 0", "SHUT_IT", "script error")
    failed(opened(), "+0 read(4, ..., 1) = -1 EWHAT", "EWHAT", "script error")
    failed(opened(), "+0 read(4, ...) = 1", "takes 3 arguments", "script error")
    failed(opened(), "+0 epoll_create(1) = 5", "epoll_create() is not supported", "unsupported")
    failed(opened(), "+0 bind(4, {a=1, b=2}, 16) = 0", "structure", "unsupported")


# Code, commands, warnings


def test_code_blocks_share_a_namespace_and_see_their_moment() -> None:
    dut = opened()
    passed(dut, "+0 %{ x = tcpi_snd_cwnd }%\n+0 %{ assert x + 1 == 11 and TCP_CA_Loss == 4, x }%")
    dut = opened()
    failed(dut, "+0 %{ assert tcpi_snd_cwnd == 9, tcpi_snd_cwnd }%", "assert tcpi_snd_cwnd == 9, tcpi_snd_cwnd: 10")


def test_a_block_before_there_is_a_connection() -> None:
    verdict = judge("0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n+0 %{ assert 1 }%", FakeDut())
    assert verdict.verdict == "script error"


def test_sysctls_and_the_commands_around() -> None:
    dut = opened()
    dut.unknown = {"net.ipv4.what"}
    commands = "+0 `sysctl -w net.ipv4.what=1 net.ipv4.tcp_ecn=1`\n+0 `sleep 0.5`\n`true`"
    text = f"`sysctl -q net.ipv4.tcp_sack=0`\n{OPENED}{commands}"
    verdict = judge(text, dut)
    assert verdict.has_passed
    assert verdict.warnings == ("nobody knows the sysctl net.ipv4.what",)
    assert dut.setup is not None
    assert dut.setup.sysctls == {"net.ipv4.tcp_sack": "0"}
    assert dut.sysctls["net.ipv4.tcp_ecn"] == "1"
    assert verdict.virtual == 500 * MS


@pytest.mark.parametrize("text", ["`make`\n{}", "{}+0 `ss -t`", "{}`ss -t`"])
def test_a_command_that_nobody_knows_is_not_supported(text: str) -> None:
    assert judge(text.format(OPENED), opened()).verdict == "unsupported"


def test_mismatches_that_the_script_allows_are_warnings() -> None:
    dut = opened()
    dut.plan(0, sent(ACK, 1, 2))
    dut.results["read"] = deque([Done(5)])
    verdict = judge(f"--non_fatal=packet,syscall\n{OPENED}+0 > . 1:1(0) ack 1\n+0 read(4, ..., 9) = 4", dut)
    assert verdict.has_passed
    assert verdict.warnings == ("line 8: acknowledgement number: 2, not 1", "line 9: read() returns 5, not 4")


def test_a_stack_that_breaks_is_a_failure() -> None:
    dut = opened()

    def breaks(packet: bytes) -> None:
        raise KeyError("inside")

    dut.on_inject = breaks
    verdict = judge(OPENED, dut)
    assert (verdict.verdict, verdict.reason) == ("fail", "the stack broke: KeyError: 'inside'")
