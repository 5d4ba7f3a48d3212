"""The drivers see what is wrong: each defect that is planted here is found by the corpus alone."""

from collections.abc import Callable
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import fuzz_host
import fuzz_wire
import pytest
from fuzz_program import OPS, Step, assemble, mutator, program

CORPUS = Path(__file__).parents[1] / "corpus"
DOWNLOAD = (CORPUS / "host" / "download").read_bytes()

Change = Callable[[Any], Any]
"""What makes of a function the defective one."""


def raising(_: Any) -> Any:
    def broken(*_: Any, **__: Any) -> None:
        raise IndexError("planted")

    return broken


def idle(_: Any) -> Any:
    return lambda *_, **__: None


def always(value: Any) -> Change:
    return lambda _: lambda *_, **__: value


def on_result(change: Callable[[Any], Any]) -> Change:
    return lambda original: lambda *args, **kwargs: change(original(*args, **kwargs))


HOST_DEFECTS: dict[str, tuple[str, Change]] = {
    "an exception on arrival": ("pystack.tcp.arrival.segment_arrives", raising),
    "an exception on a deadline": ("pystack.tcp.timeouts.expired", raising),
    "text is sent that was never queued": (
        "pystack.tcp.sendbuf.SendBuffer.append",
        lambda original: lambda self, data: original(self, data[::-1]),
    ),
    "text out of order is kept at the wrong place": (
        "pystack.tcp.reassembly.Reassembly.insert",
        lambda original: lambda self, start, payload: original(self, start + 1, payload),
    ),
    "the window is not looked at": (
        "pystack.tcp.output.sendable",
        lambda original: lambda **given: original(**given | {"window": 1 << 30}),
    ),
    "what never came is acknowledged": (
        "pystack.tcp.text._append",
        lambda original: lambda c, payload, size: original(c, payload, size + 8),
    ),
    "a window is taken back": (
        "pystack.tcp.window.window_to_offer",
        lambda _: lambda free, full, remaining, rcv_mss, scale: max(min(free, 65535) - 500, 0) >> scale << scale,
    ),
    "no checksum": ("pystack.stack.segments.tcp.fill_checksum", lambda _: lambda header, pieces, pseudo: header),
    "packets too large": ("pystack.stack.connections.mss_of", on_result(lambda mss: mss + 8)),
    "what is for the host itself leaves it": ("pystack.ip.layer.Ip.loops_back", always(False)),
    "memory is not given back": ("pystack.stack.connections.HELD", lambda held: held + 1),
    "text in the buffers is not counted": ("pystack.stack.memory.Account.holds", idle),
    "timers do not run": ("pystack.stack.deadlines.Deadlines.take_due", always([])),
    "a deadline that is past": ("pystack.stack.host.Host.next_deadline", always(0)),
    "a port is never free again": ("pystack.stack.ports.Ports.release", idle),
    "a listener stays": (
        "pystack.stack.host.Host.close_listener",
        lambda original: lambda self, listener: [listener.drain(), None][1],
    ),
    "a drop that is not counted": (
        "pystack.stack.metrics.Metrics.count",
        lambda original: lambda self, name, by=1: None if name == "TcpInSegs" else original(self, name, by),
    ),
    "records of what is in flight do not add up": (
        "pystack.tcp.scoreboard.Scoreboard._mark_sacked",
        lambda _: lambda self, record: setattr(record, "sacked", True),
    ),
}

WIRE_DEFECTS: dict[str, tuple[str, Change]] = {
    "an exception of another kind": ("pystack.wire.ipv6_extensions.walk", raising),
    "an option is not built": ("pystack.wire.options._pack_pair", always(bytes(8))),
    "a field is read wrong": ("pystack.wire.ipv4._OFFSET_MASK", lambda mask: mask >> 1),
    "a field is written wrong": (
        "pystack.wire.tcp._pack_header",
        lambda pack: lambda *f: pack(*f[:5], f[5] ^ 1, *f[6:]),
    ),
    "a checksum is made wrong": ("pystack.wire.udp.finish", on_result(lambda sum16: sum16 ^ 1)),
    "a counter that nobody knows": ("pystack.wire.udp.Malformed.__init__", raising),
    "a line that breaks": ("pystack.wire.render._hosts", always("a\nb")),
}


def replay(name: str, one_input: Callable[[bytes], None]) -> None:
    for path in sorted((CORPUS / name).iterdir()):
        one_input(path.read_bytes())


def plant(monkeypatch: pytest.MonkeyPatch, where: str, change: Change) -> None:
    owner, _, name = where.rpartition(".")
    monkeypatch.setattr(resolve_name(owner), name, change(getattr(resolve_name(owner), name)))


@pytest.mark.parametrize("defect", HOST_DEFECTS)
def test_a_defect_of_a_host_is_found(defect: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch, *HOST_DEFECTS[defect])
    with pytest.raises((AssertionError, IndexError, ValueError)):
        replay("host", fuzz_host.one_input)


@pytest.mark.parametrize("defect", WIRE_DEFECTS)
def test_a_defect_of_a_parser_is_found(defect: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch, *WIRE_DEFECTS[defect])
    with pytest.raises((AssertionError, IndexError, ValueError)):
        replay("wire", fuzz_wire.one_input)


def test_a_program_explains_itself_and_is_the_same_each_time() -> None:
    words = fuzz_host.explain(DOWNLOAD)
    assert words == fuzz_host.explain(DOWNLOAD)
    lines = words.splitlines()
    assert "handshake 0  127 0 0" in lines
    assert any("> 10.0.0.1:5000 > 10.0.0.2:80 S 1:1(0) win 65535 <mss 1460,sackOK" in line for line in lines)
    assert any("< 10.0.0.2:80 > 10.0.0.1:5000 S. " in line for line in lines)
    assert lines[-1].endswith("the end")


def test_what_goes_wrong_ends_an_explanation(monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch, "pystack.tcp.arrival.segment_arrives", raising)
    assert fuzz_host.explain(DOWNLOAD).splitlines()[-1] == "IndexError: planted"


def test_an_input_for_a_parser_explains_itself() -> None:
    path = CORPUS / "wire" / "icmpv4"
    assert fuzz_wire.explain(path.read_bytes()).splitlines()[0].startswith("  icmpv4, with a good checksum: 08 00 ")
    assert fuzz_wire.explain(path.read_bytes()[:4]).endswith("IcmpInErrors: 3 bytes are too few for an ICMP message")
    assert fuzz_wire.explain(b"") == "  empty"


@pytest.mark.parametrize("size", range(6))
def test_short_inputs_are_programs_too(size: int) -> None:
    fuzz_host.one_input(bytes(size))
    fuzz_wire.one_input(bytes(size))


def test_the_format_is_what_it_says() -> None:
    assert len(OPS) == len(set(OPS)) == 32
    data = assemble(b"abcd", ("handshake", 3, 1, 2, 3), ("mtu", 7, 4, 5, 6))
    assert data == b"abcd" + bytes((0x60, 1, 2, 3, 0xFF, 4, 5, 6))
    assert program(data + b"xyz") == [Step(0, 3, 1, 2, 3), Step(31, 7, 4, 5, 6)]


@pytest.mark.parametrize("data", [b"", b"x", bytes(4), DOWNLOAD])
def test_mutants_are_programs_of_the_size_that_is_allowed(data: bytes) -> None:
    change = mutator(lambda data, most: data[:most] or b"y")
    mutants = [change(data, 60, seed) for seed in range(300)]
    assert mutants == [change(data, 60, seed) for seed in range(300)]
    assert len(set(mutants)) > 50
    assert all(0 < len(mutant) <= 60 for mutant in mutants)
