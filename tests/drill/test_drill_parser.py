"""From text to values: what each line means, and where the parser says that one is wrong."""

import re

import pytest
from drill_examples import EXAMPLES, PASSIVE

from pystack.drill.errors import ScriptError, Stop, Unsupported
from pystack.drill.parser import parse
from pystack.drill.script import (
    Applied,
    Base,
    Braces,
    Brackets,
    Call,
    Code,
    Command,
    Direction,
    Either,
    Event,
    Icmp,
    IpInfo,
    Member,
    Name,
    Option,
    Packet,
    Position,
    QuotedRaw,
    QuotedTcp,
    QuotedUdp,
    Tcp,
    TcpOption,
    Text,
    Udp,
    When,
)
from pystack.drill.writing import script_text
from pystack.wire.tcp import ACK, AE, CWR, ECE, FIN, PSH, RST, SYN, URG

MS = 1_000_000
SECOND = 1_000_000_000


def event(text: str, **defines: str) -> Event:
    (found,) = parse(text, defines).events
    return found


def packet(text: str, **defines: str) -> Packet:
    what = event(f"0 {text}", **defines).what
    assert isinstance(what, Packet)
    return what


def segment(text: str, **defines: str) -> Tcp:
    body = packet(text, **defines).body
    assert isinstance(body, Tcp)
    return body


def call(text: str, **defines: str) -> Call:
    what = event(f"0 {text}", **defines).what
    assert isinstance(what, Call)
    return what


# The file


def test_a_whole_script() -> None:
    script = parse(PASSIVE)
    assert script.options == (Option("tolerance_usecs", "10000"),)
    assert script.init == Command("sysctl -q net.ipv4.tcp_timestamps=0")
    assert script.cleanup is None
    assert len(script.events) == 20
    assert script.events[0].at == Position(6, 2)
    assert script.options[0].at == Position(2, 1)


def test_commands_without_a_time_come_first_and_last() -> None:
    script = parse("--verbose\n`one`\n0 `two`\n`three`\n// the end")
    assert (script.init, script.cleanup) == (Command("one"), Command("three"))
    assert [e.what for e in script.events] == [Command("two")]
    assert script.cleanup_at == Position(4, 1)


def test_events_may_share_a_line_or_take_several() -> None:
    script = parse("0 close(3) = 0 +1 < . 1:1(0) ack 1\n win 5 <nop,\n /* here */ nop,nop,eol> +0 %{\nassert 1\n}%")
    assert [type(e.what) for e in script.events] == [Call, Packet, Code]
    assert script.events[2].what == Code("\nassert 1\n")
    assert script.events[2].at == Position(3, 26)


def test_a_define_is_put_in_where_a_word_may_stand() -> None:
    text = "--define=COOKIE=abcd\n--define=SIZE=12\n--define=WHAT=`nstat -n`\n"
    script = parse(text + "0 < S 0:0(0) win SIZE <FO COOKIE>\n+0 WHAT\n+0 read(3, ..., SIZE) = SIZE", {"SIZE": "0x20"})
    first, second, third = (e.what for e in script.events)
    assert isinstance(first, Packet)
    assert isinstance(first.body, Tcp)
    assert (first.body.win, first.body.options) == (0x20, (TcpOption("FO", data=b"\xab\xcd"),))
    assert second == Command("nstat -n")
    assert third == Call("read", (3, ..., 0x20), 0x20)


def test_what_is_put_in_is_not_looked_at_again_and_places_stay_those_of_the_text() -> None:
    with pytest.raises(ScriptError) as caught:
        parse("0 close(A, A) = ?", {"A": "A|A|A|A"})
    assert caught.value.at == Position(1, 17)


# Times


@pytest.mark.parametrize(
    ("text", "when"),
    [
        ("0", When(Base.START)),
        ("1.5", When(Base.START, 1500 * MS)),
        ("+.25", When(Base.PREVIOUS, 250 * MS)),
        ("+0.0000019", When(Base.PREVIOUS, 1000)),
        ("*", When(Base.ANY)),
        ("0.1~0.3", When(Base.START, 100 * MS, 300 * MS)),
        ("+0.1~+0.3", When(Base.PREVIOUS, 100 * MS, 300 * MS)),
        ("+0 ~ +.05", When(Base.PREVIOUS, 0, 50 * MS)),
    ],
)
def test_times_of_outbound_packets(text: str, when: When) -> None:
    assert event(f"{text} > . 1:1(0) ack 1").when == when


@pytest.mark.parametrize(
    ("text", "when"),
    [
        ("0.1...0.3", When(Base.START, 100 * MS, 300 * MS)),
        ("+0...0.200", When(Base.PREVIOUS, 0, 200 * MS)),
        ("0....5", When(Base.START, 0, 500 * MS)),
        ("+2", When(Base.PREVIOUS, 2 * SECOND)),
    ],
)
def test_times_of_calls(text: str, when: When) -> None:
    assert event(f"{text} close(3) = 0").when == when


# Packets


@pytest.mark.parametrize(
    ("text", "flags", "ace"),
    [
        ("S", SYN, None),
        ("S.", SYN | ACK, None),
        (".", ACK, None),
        ("FP.", FIN | PSH | ACK, None),
        ("R.", RST | ACK, None),
        ("PU.", PSH | URG | ACK, None),
        ("SEW", SYN | ECE | CWR, None),
        ("SEWA", SYN | ECE | CWR | AE, None),
        ("-", 0, None),
        (".5", ACK, 5),
        ("P.0", PSH | ACK, 0),
    ],
)
def test_flags(text: str, flags: int, ace: int | None) -> None:
    body = segment(f"> {text} 1:1(0)")
    assert (body.flags, body.ace) == (flags, ace)


def test_the_parts_of_a_segment() -> None:
    line = packet("< [ect0, ttl 3] 12345 > 8080 P. 1:11(10) ack 7 win 0x10 urg 2 <nop,nop,TS val 1 ecr 2>")
    assert line.direction is Direction.INBOUND
    assert line.ip == IpInfo(ecn="ect0", ttl=3)
    assert line.body == Tcp(
        PSH | ACK, 1, 10, 7, 16, 2, (TcpOption("nop"), TcpOption("nop"), TcpOption("TS", (1, 2))), ports=(12345, 8080)
    )


def test_a_sequence_number_wraps() -> None:
    assert segment("> . 4294967290:4(10)") == Tcp(ACK, 4294967290, 10)


def test_options_left_open_and_none_at_all() -> None:
    assert segment("> . 1:1(0) <...>").options is None
    assert segment("> . 1:1(0)").options == ()


@pytest.mark.parametrize(
    ("text", "info"),
    [
        ("(tos 0x28, flowlabel 0x1)", IpInfo(tos=0x28, flow_label=1)),
        ("[noecn]", IpInfo(ecn="noecn")),
        ("[ect01]", IpInfo(ecn="ect01")),
        ("[ce]", IpInfo(ecn="ce")),
    ],
)
def test_ip_information(text: str, info: IpInfo) -> None:
    assert packet(f"> {text} . 1:1(0)").ip == info


@pytest.mark.parametrize(
    ("text", "option"),
    [
        ("mss 1460", TcpOption("mss", (1460,))),
        ("nop,wscale 8", TcpOption("wscale", (8,))),
        ("nop,nop,sackOK", TcpOption("sackOK")),
        ("nop,nop,sack 1:2 5:9", TcpOption("sack", (1, 2, 5, 9))),
        ("nop,nop,md5 000102030405060708090a0b0c0d0e0f", TcpOption("md5", data=bytes(range(16)))),
        ("nop,nop,md5", TcpOption("md5")),
        ("nop,nop,FO", TcpOption("FO")),
        ("nop,nop,FO 0011223344556677", TcpOption("FO", data=bytes.fromhex("0011223344556677"))),
        ("FOEXP", TcpOption("FOEXP")),
        ("FOEXP 12345678", TcpOption("FOEXP", data=bytes.fromhex("12345678"))),
        ("nop,ECN e0b 1 ceb 2 e1b 3", TcpOption("ECN", (1, 2, 3))),
        ("ECN e1b 1 ceb 2", TcpOption("ECN", (1, 2), order=1)),
        ("nop,nop,ECN", TcpOption("ECN")),
        ("eol,eol,eol,eol", TcpOption("eol")),
    ],
)
def test_options(text: str, option: TcpOption) -> None:
    options = segment(f"< . 1:1(0) win 1 <{text}>").options
    assert options is not None
    assert options[-1] == option


@pytest.mark.parametrize(
    ("text", "body"),
    [
        (
            "icmp unreachable frag_needed mtu 1400 [1:1461(1460)]",
            Icmp("unreachable", "frag_needed", 1400, None, QuotedTcp(1, 1460)),
        ),
        ("icmp echo_request id 7", Icmp("echo_request", id=7)),
        ("icmp type_77 code_3", Icmp("type_77", "code_3")),
        ("icmp unreachable port_unreachable [udp (8)]", Icmp("unreachable", "port_unreachable", quoted=QuotedUdp(8))),
        ("icmp source_quench [raw (20)]", Icmp("source_quench", quoted=QuotedRaw(20))),
        ("udp (1000)", Udp(1000)),
    ],
)
def test_icmp_and_udp(text: str, body: Icmp | Udp) -> None:
    assert packet(f"< {text}").body == body


# Calls


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (
            "socket(..., SOCK_STREAM, IPPROTO_TCP) = 3",
            Call("socket", (..., Name("SOCK_STREAM"), Name("IPPROTO_TCP")), 3),
        ),
        (
            "fcntl(3, F_SETFL, O_RDWR|O_NONBLOCK) = 0",
            Call("fcntl", (3, Name("F_SETFL"), Either((Name("O_RDWR"), Name("O_NONBLOCK")))), 0),
        ),
        ("read(3, ..., 5) = -1 EAGAIN (Resource (temporarily) unavailable)", Call("read", (3, ..., 5), -1, "EAGAIN")),
        ("fcntl(3, F_GETFL) = 0x2 (flags O_RDWR)", Call("fcntl", (3, Name("F_GETFL")), 2)),
        ("close(3) = -1", Call("close", (3,), -1)),
        ('send(3, "a\\n\\x41" "b", -4, 0) = 4', Call("send", (3, Text(b"a\nAb"), -4, 0), 4)),
        ('send(3, "ab"..., 4, 0) = 4', Call("send", (3, Text(b"ab", True), 4, 0), 4)),
        (
            "setsockopt(3, SOL_SOCKET, SO_LINGER, {onoff=1, linger=0}, 8) = 0",
            Call(
                "setsockopt",
                (3, Name("SOL_SOCKET"), Name("SO_LINGER"), Braces((Member("onoff", 1), Member("linger", 0))), 8),
                0,
            ),
        ),
        (
            "sendmsg(3, {msg_name(...)=..., msg_iov(1)=[{..., 9}], msg_flags=0}, 0) = 9",
            Call(
                "sendmsg",
                (
                    3,
                    Braces(
                        (
                            Member("msg_name", ..., ...),
                            Member("msg_iov", Brackets((Braces((Member("", ...), Member("", 9))),)), 1),
                            Member("msg_flags", 0),
                        )
                    ),
                    0,
                ),
                9,
            ),
        ),
        (
            "bind(3, {sin_port=htons(80)}, 16) = 0",
            Call("bind", (3, Braces((Member("sin_port", Applied("htons", (80,))),)), 16), 0),
        ),
        ("poll([], 0, 0) = 0", Call("poll", (Brackets(()), 0, 0), 0)),
    ],
)
def test_calls(text: str, wanted: Call) -> None:
    assert call(text) == wanted


# What is no script


@pytest.mark.parametrize(
    ("text", "at", "words"),
    [
        ("", (1, 1), "at least one event"),
        ("--verbose\n`x`", (2, 4), "at least one event"),
        ("close(3) = 0", (1, 1), "a time in seconds expected"),
        ("0 close(3)", (1, 11), "`=` expected"),
        ("0 close(3 = 0", (1, 11), "`)` expected"),
        ("0 close(3) = 0\n`a`\n0 `b`", (3, 1), "nothing comes after"),
        ("0 /* never ends", (1, 3), "comment does not end"),
        ("0 `never ends", (1, 3), "command does not end"),
        ("0 %{ never ends", (1, 3), "code block does not end"),
        ('0 send(3, "never ends, 3, 0) = 0', (1, 11), "string does not end"),
        ('0 send(3, "\\q", 3, 0) = 0', (1, 11), "no escape"),
        ("--mss: 3\n0 `x`", (1, 1), "`--name`"),
        ("--define=X\n0 `x`", (1, 1), "--define=NAME=VALUE"),
        ("0~1 < . 1:1(0) win 1", (1, 1), "only an outbound packet"),
        ("* close(3) = 0", (1, 1), "only an outbound packet"),
        ("0...1 > . 1:1(0)", (1, 1), "only a call"),
        ("+0~1 > . 1:1(0)", (1, 3), "a + where its start has one"),
        ("0.3~0.1 > . 1:1(0)", (1, 4), "before the start"),
        ("0 < . 1:1(0) ack 1", (1, 19), "needs its window"),
        ("0 < . 1:1(0) win 1 <...>", (1, 20), "one by one"),
        ("0 < . 1:5(3) win 1", (1, 7), "are 4 bytes, not 3"),
        ("0 < . 1:1(0) win 65536", (1, 18), "16 bits"),
        ("0 > . 4294967296:0(0)", (1, 7), "32 bits"),
        ("0 > SS 1:1(0)", (1, 5), "twice"),
        ("0 > X 1:1(0)", (1, 5), "TCP flags"),
        ("0 > .8 1:1(0)", (1, 5), "one digit from 0 to 7"),
        ("0 > 5 1:1(0)", (1, 5), "behind the dot"),
        ("0 > E.5 1:1(0)", (1, 5), "one or the other"),
        ("0 > . 1:1(0) <mss 1460,nop>", (1, 14), "take 5 bytes"),
        ("0 > . 1:1(0) <>", (1, 15), "a TCP option expected"),
        ("0 > . 1:1(0) <mss>", (1, 18), "an MSS expected"),
        ("0 > . 1:1(0) <what 3>", (1, 15), "no TCP option"),
        ("0 > . 1:1(0) <nop,FO 123>", (1, 22), "in pairs"),
        ("0 > . 1:1(0) <nop,nop,md5 1234>", (1, 27), "32 hex digits"),
        ("0 > . 1:1(0) <nop,nop,sack 1:2 3:4 5:6 7:8 9:10>", (1, 44), "room for 4 blocks"),
        ("0 < [ect01] . 1:1(0) win 1", (1, 6), "no mark to send"),
        ("0 > [tos 1, ce] . 1:1(0)", (1, 13), "give one of them"),
        ("0 > [ttl 1, ttl 2] . 1:1(0)", (1, 13), "twice"),
        ("0 > [big] . 1:1(0)", (1, 6), "nothing that an IP header has"),
        ("0 close(99999999999999999999999) = 0", (1, 9), "too many digits"),
        ("0 close(" + "[" * 40, (1, 26), "nested too deeply"),
        ("0 setsockopt(3, {a(1, 2)=1}) = 0", (1, 26), "only a name has a value"),
        ("0 close(3) = [4]", (1, 14), "a result is a number"),
    ],
)
def test_errors_say_where(text: str, at: tuple[int, int], words: str) -> None:
    with pytest.raises(ScriptError, match=re.escape(words)) as caught:
        parse(text)
    assert caught.value.at == Position(*at)


@pytest.mark.parametrize("tunnel", ["ipv4 1.2.3.4 > 5.6.7.8:", "gre", "mpls (label 1)"])
def test_tunnels_are_not_supported(tunnel: str) -> None:
    with pytest.raises(Unsupported):
        parse(f"0 < {tunnel} . 1:1(0) win 1")


@pytest.mark.parametrize("text", EXAMPLES)
def test_every_prefix_of_a_script_is_read_or_refused_in_words(text: str) -> None:
    refused: list[Stop] = []
    for end in range(len(text)):
        try:
            parse(text[:end])
        except Stop as stop:
            refused.append(stop)
    assert len(refused) > len(text) // 4
    lines = text.count("\n") + 1
    assert [stop for stop in refused if not str(stop) or not 1 <= stop.at.line <= lines] == []


@pytest.mark.parametrize("text", EXAMPLES)
def test_what_is_written_is_read_back(text: str) -> None:
    script = parse(text)
    assert parse(script_text(script)) == script
