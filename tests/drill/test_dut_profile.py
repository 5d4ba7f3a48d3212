"""What the field's scripts take for granted of a stack: Linux's profile on the wire."""

from typing import Any

import pytest
from dut_lab import Lab

from pystack.drill.dut import Fd, Linger
from pystack.drill.sysctls import PROFILE
from pystack.sock import constants as c
from pystack.wire import options

NO_TS = PROFILE | {"net.ipv4.tcp_timestamps": "0"}
NOP, MSS, SACK_OK, WSCALE, TS = b"\x01", b"\x02\x04\x05\xb4", b"\x04\x02", b"\x03\x03\x08", b"\x08\x0a"


def stamp(lab: Lab) -> bytes:
    """The timestamps of the last segment, which are not compared."""
    found = lab.segments[-1].options
    assert found.ts_val is not None
    return TS + found.ts_val.to_bytes(4, "big") + found.ts_ecr.to_bytes(4, "big")


def called(**setup: Any) -> Lab:
    """A SYN has left, and was heard."""
    lab = Lab(**setup)
    fd = lab.socket()
    lab.does("fcntl", fd, 4, 0x802)
    assert lab.does("connect", fd, ..., ...) == "EINPROGRESS"
    assert lab.hears() == ["0 S 0:0(0)"]
    lab.their_port = 8080
    return lab


def quiet(lab: Lab, **syn: Any) -> Any:
    """A connection that was accepted 100 ms after its SYN: the round trip."""
    listener = lab.listener()
    lab.says("S", 0, **({"mss": 1000} | syn))
    lab.hears()
    lab.waits(100)
    lab.says(".", 1, 1)
    fd = lab.does("accept", listener, ..., ...)
    lab.dut.bind_fd(4, fd)
    return Fd(4)


# The handshake


def test_the_options_of_a_syn() -> None:
    lab = called(sysctls=PROFILE)
    assert lab.options() == MSS + SACK_OK + stamp(lab) + NOP + WSCALE
    assert lab.segments[-1].wnd == 65535
    lab = called(sysctls=NO_TS)
    assert lab.options() == MSS + NOP + NOP + SACK_OK + NOP + WSCALE


@pytest.mark.parametrize(
    ("offered", "answer"),
    [
        ({"mss": 1000, "sack_permitted": True, "ts_val": 9, "wscale": 7}, None),
        ({"mss": 1000, "sack_permitted": True, "wscale": 7}, MSS + NOP + NOP + SACK_OK + NOP + WSCALE),
        ({"mss": 1000, "sack_permitted": True}, MSS + NOP + NOP + SACK_OK),
        ({"mss": 1000, "wscale": 7}, MSS + NOP + WSCALE),
        ({"mss": 1000}, MSS),
        ({}, MSS),
    ],
)
def test_the_options_of_a_syn_ack_are_those_of_the_syn(offered: dict[str, Any], answer: bytes | None) -> None:
    lab = Lab(sysctls=PROFILE)
    lab.listener()
    lab.says("S", 0, **offered)
    lab.hears()
    assert lab.options() == (MSS + SACK_OK + stamp(lab) + NOP + WSCALE if answer is None else answer)
    assert lab.segments[-1].wnd == 65535


def test_the_options_of_data_and_of_sacks() -> None:
    lab = Lab(sysctls=PROFILE)
    listener = lab.listener()
    lab.says("S", 0, mss=1000, sack_permitted=True, ts_val=9)
    lab.hears()
    lab.says(".", 1, 1, ts_val=9)
    assert lab.does("accept", listener, ..., ...) > 0
    for n in range(2, 7):
        lab.says(".", 1 + n * 2000, 1, 1000, ts_val=9)
    lab.hears()
    sacks = b"".join((1 + n * 2000).to_bytes(4, "big") + (1001 + n * 2000).to_bytes(4, "big") for n in (6, 5, 4))
    assert lab.options() == NOP + NOP + stamp(lab) + NOP + NOP + b"\x05\x1a" + sacks


def test_four_blocks_without_timestamps() -> None:
    lab = Lab(sysctls=NO_TS)
    fd = quiet(lab, sack_permitted=True)
    for n in range(2, 7):
        lab.says(".", 1 + n * 2000, 1, 1000)
    lab.hears()
    assert lab.options().startswith(NOP + NOP + b"\x05\x22")
    assert lab.does("write", fd, ..., 10) == 10
    assert len(options.parse(lab.options()).sack) == 4


# Windows and times


def test_the_initial_window_is_ten_packets_less_twelve_bytes_with_timestamps() -> None:
    lab = Lab(sysctls=PROFILE)
    listener = lab.listener()
    lab.says("S", 0, mss=1012, ts_val=9)
    lab.hears()
    lab.says(".", 1, 1, ts_val=9)
    lab.dut.bind_fd(4, lab.does("accept", listener, ..., ...))
    assert lab.does("write", Fd(4), ..., 20_000) == 20_000
    assert len(lab.hears()) == 10
    assert {s.size for s in lab.segments} == {1000}


def test_a_syn_goes_again_after_a_second_then_two() -> None:
    lab = called(sysctls=PROFILE)
    lab.waits(64_000)
    assert [shown.split()[0] for shown in lab.hears()] == ["1000", "3000", "7000", "15000", "31000"]


def test_the_time_out_is_at_least_200_ms_above_the_round_trip_and_doubles_up_to_two_minutes() -> None:
    lab = Lab(sysctls=PROFILE)
    fd = quiet(lab)
    assert [lab.dut.tcp_info(4)[n] for n in ("rtt", "rttvar", "rto")] == [100_000, 50_000, 300_000]
    assert lab.does("write", fd, ..., 100) == 100
    lab.hears()
    lab.waits(500_000)
    at = [float(shown.split()[0]) for shown in lab.hears()]
    gaps = [round(b - a) for a, b in zip([100.0, *at], at, strict=False)]
    assert gaps == [300, 600, 1200, 2400, 4800, 9600, 19_200, 38_400, 76_800, 120_000, 120_000]


def test_the_windows_of_the_profile() -> None:
    """With a scale of 8 the field says 256 for the first 64 KiB."""
    lab = Lab(sysctls=PROFILE)
    quiet(lab, wscale=7)
    lab.says("P.", 1, 1, 100)
    assert lab.hears()[-1].endswith(". 1:1(0) ack 101")
    assert lab.segments[-1].wnd == 256


# ACKs


def test_early_segments_are_acknowledged_at_once_and_later_ones_late() -> None:
    lab = Lab(sysctls=PROFILE)
    fd = quiet(lab)
    at = 1
    for n in range(18):
        lab.waits(100)
        lab.says("P.", at, 1, 90 + n)
        at += 90 + n
        assert len(lab.hears()) == (1 if n < 16 else 0), n
        lab.waits(90)
        assert len(lab.hears()) == (0 if n < 16 else 1), n
    assert lab.does("read", fd, ..., 10_000) == at - 1


def test_an_answer_takes_the_ack_along_and_a_lone_request_after_it_waits_forty_ms() -> None:
    lab = Lab(sysctls=PROFILE)
    fd = quiet(lab)
    lab.says("P.", 1, 1, 100)
    lab.hears()
    lab.does("read", fd, ..., 100)
    lab.does("write", fd, ..., 50)
    lab.hears()
    lab.waits(20)
    lab.says("P.", 101, 51, 100)
    assert lab.hears() == []
    lab.waits(50)
    assert lab.hears() == ["160 . 51:51(0) ack 201"]


def test_out_of_order_filled_and_duplicate_text_is_acknowledged_at_once() -> None:
    lab = Lab(sysctls=NO_TS)
    fd = quiet(lab)
    lab.says(".", 1001, 1, 1000)
    lab.says(".", 1, 1, 1000)
    lab.says(".", 1, 1, 1000)
    assert lab.hears() == ["100 . 1:1(0) ack 1", "100 . 1:1(0) ack 2001", "100 . 1:1(0) ack 2001"]
    assert lab.does("read", fd, ..., 2000) == 2000


# Sending


def test_push_is_on_the_last_segment_of_a_write() -> None:
    lab = Lab(sysctls=NO_TS)
    fd = quiet(lab)
    lab.does("write", fd, ..., 2500)
    assert [shown.split()[1] for shown in lab.hears()] == [".", ".", "P."]


def test_one_small_segment_may_be_outstanding() -> None:
    """Nagle as Minshall has it: full segments in flight do not hold a small one back."""
    lab = Lab(sysctls=NO_TS)
    fd = quiet(lab)
    lab.does("write", fd, ..., 1500)
    assert lab.hears() == ["100 . 1:1001(1000) ack 1", "100 P. 1001:1501(500) ack 1"]
    lab.does("write", fd, ..., 100)
    assert lab.hears() == []
    lab.says(".", 1, 1501)
    assert lab.hears() == ["100 P. 1501:1601(100) ack 1"]


@pytest.mark.parametrize("by_flag", [True, False])
def test_a_partial_segment_is_held_for_200_ms(by_flag: bool) -> None:
    lab = Lab(sysctls=NO_TS)
    fd = quiet(lab)
    if by_flag:
        lab.does("send", fd, ..., 1500, c.MSG_MORE)
    else:
        lab.does("setsockopt", fd, 6, c.TCP_CORK, (1,), 4)
        lab.does("write", fd, ..., 1500)
    assert lab.hears() == ["100 . 1:1001(1000) ack 1"]
    lab.waits(199)
    assert lab.hears() == []
    lab.waits(2)
    assert lab.hears() == ["300 P. 1001:1501(500) ack 1"]


def test_the_first_two_duplicates_send_new_text() -> None:
    """Limited transmit (RFC 3042)."""
    lab = Lab(sysctls=NO_TS)
    fd = quiet(lab)
    lab.does("write", fd, ..., 15_000)
    assert len(lab.hears()) == 10
    shown = []
    for _ in range(3):
        lab.says(".", 1, 1)
        shown += [line.split()[2] for line in lab.hears()]
    assert shown[:3] == ["10001:11001(1000)", "11001:12001(1000)", "1:1001(1000)"]


def test_a_flow_that_its_application_limits_keeps_its_window() -> None:
    lab = Lab(sysctls=NO_TS)
    fd = quiet(lab)
    for n in range(4):
        lab.does("write", fd, ..., 1000)
        lab.waits(100)
        lab.says(".", 1, 1001 + n * 1000)
    assert lab.dut.tcp_info(4)["snd_cwnd"] == 10
    lab.does("write", fd, ..., 10_000)
    lab.waits(100)
    lab.says(".", 1, 14_001)
    assert lab.dut.tcp_info(4)["snd_cwnd"] == 20


# Resets and endings


def test_a_reset_answers_an_ack_by_its_number_and_anything_else_by_its_end() -> None:
    lab = Lab(sysctls=PROFILE)
    lab.our_port = 9
    lab.says(".", 77, 12_345)
    lab.says("S", 500)
    lab.says("R", 500)
    assert lab.hears() == ["0 R 12345:12345(0)", "0 R. 0:0(0) ack 501"]
    assert [s.wnd for s in lab.segments] == [0, 0]


@pytest.mark.parametrize("lingers", [True, False])
def test_a_close_that_leaves_text_unread_or_lingers_for_no_time_resets(lingers: bool) -> None:
    lab = Lab(sysctls=NO_TS)
    fd = quiet(lab)
    if lingers:
        lab.does("setsockopt", fd, 1, c.SO_LINGER, (Linger(1, 0),), 8)
    else:
        lab.says("P.", 1, 1, 100)
    lab.hears()
    lab.does("close", fd)
    assert lab.hears() == [f"100 R. 1:1(0) ack {1 if lingers else 101}"]
    assert lab.segments[-1].wnd == 65535 - (0 if lingers else 100)


def test_an_orphan_stays_in_fin_wait_2_for_a_minute() -> None:
    lab = Lab(sysctls=NO_TS)
    lab.does("close", quiet(lab))
    lab.says(".", 1, 2)
    lab.hears()
    lab.waits(59_000)
    lab.says("F.", 1, 2)
    assert lab.hears() == ["59100 . 2:2(0) ack 2"]
    lab = Lab(sysctls=NO_TS)
    lab.does("close", quiet(lab))
    lab.says(".", 1, 2)
    lab.hears()
    lab.waits(61_000)
    lab.says("F.", 1, 2)
    assert lab.hears() == ["61100 R 2:2(0)"]


def test_time_wait_lasts_a_minute() -> None:
    for seconds, answer in ((59, ". 2:2(0) ack 2"), (61, "R 2:2(0)")):
        lab = Lab(sysctls=NO_TS)
        lab.does("close", quiet(lab))
        lab.says("F.", 1, 2)
        lab.hears()
        lab.waits(seconds * 1000)
        lab.says("F.", 1, 2)
        assert [shown.split(" ", 1)[1] for shown in lab.hears()] == [answer]


def test_a_segment_without_the_ack_flag_is_passed_over() -> None:
    lab = Lab(sysctls=NO_TS)
    fd = quiet(lab)
    lab.says("P", 1, 0, 100)
    lab.waits(500)
    assert lab.hears() == []
    assert lab.details("ioctl", fd, 0x541B, (0,)) == 0


def test_challenges_are_limited_to_one_in_500_ms_and_text_is_always_answered() -> None:
    lab = Lab(sysctls=NO_TS)
    quiet(lab)
    for _ in range(3):
        lab.says("S", 5000, mss=1000)
    assert lab.hears() == ["100 . 1:1(0) ack 1"]
    lab.says("P.", 100_000, 1, 10)
    assert lab.hears() == ["100 . 1:1(0) ack 1"]
    lab.waits(501)
    lab.says("R", 1000)
    assert lab.hears() == ["601 . 1:1(0) ack 1"]
    lab.says("R", 1)
    assert lab.hears() == []


def test_large_packets_are_taken_whole() -> None:
    lab = Lab(sysctls=NO_TS)
    fd = quiet(lab)
    lab.says("P.", 1, 1, 30_000)
    assert lab.hears() == ["100 . 1:1(0) ack 30001"]
    assert lab.does("read", fd, ..., 65_000) == 30_000
    assert lab.dut.tcp_info(4)["rcv_mss"] == 1460
