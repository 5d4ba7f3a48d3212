"""Every input of the corpus, again: what the fuzzers once found interesting, or wrong, without atheris."""

import sys
from pathlib import Path

import fuzz_host
import fuzz_wire
import pytest

CORPUS = Path(__file__).parents[1] / "corpus"
WIRE, HOST = (sorted((CORPUS / name).iterdir()) for name in ("wire", "host"))

REACHED = {
    "IpInHdrErrors", "Ip6InHdrErrors", "IpInTruncatedPkts", "IpInUnknownProtos", "IpReasmOKs", "Ip6ReasmOKs",
    "IpReasmFails", "Ip6ReasmFails", "TcpActiveOpens", "TcpPassiveOpens", "TcpRetransSegs", "TcpOutRsts",
    "TcpInErrs", "PystackTcpInNoConnection", "TcpExtListenOverflows", "TcpExtReqQFullDrop", "TcpExtTWRecycled",
    "TcpExtOfoPruned", "PystackMemoryRefusedOpens", "PystackIcmpInUnbelieved", "IcmpInEchos", "Icmp6InEchos",
    "IcmpOutDestUnreachs", "Icmp6OutDestUnreachs", "UdpInDatagrams", "Udp6InDatagrams", "UdpNoPorts",
    "UdpRcvbufErrors",
}  # fmt: skip
"""Counters that the programs together have made count, so that all that they are to try is tried."""


@pytest.mark.parametrize("path", [*WIRE, *HOST], ids=lambda path: f"{path.parent.name}/{path.name}")
def test_every_input_through_both_drivers(path: Path) -> None:
    fuzz_wire.one_input(path.read_bytes())
    fuzz_host.one_input(path.read_bytes())


def test_the_corpus_is_small_and_needs_no_atheris() -> None:
    files = [*WIRE, *HOST]
    assert 40 <= len(files) <= 60
    assert sum(path.stat().st_size for path in files) <= 200_000
    assert "atheris" not in sys.modules


def test_the_programs_of_the_corpus_get_everywhere() -> None:
    counted: set[str] = set()
    for path in HOST:
        run = fuzz_host.Run(path.read_bytes())
        run.run()
        counted |= run.host.metrics.snapshot().keys()
    assert counted >= REACHED, REACHED - counted


def test_every_parser_is_reached() -> None:
    assert {fuzz_wire.target_of(path.read_bytes()) for path in WIRE} == set(fuzz_wire.TARGETS)
