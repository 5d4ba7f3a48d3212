"""RFC 9293 section 3.2: the options."""

import pytest
from rfc9293_common import TIMESTAMPS, mss
from scapy.layers.inet import TCP

from pystack.testing import Peer


@pytest.mark.parametrize("pad", range(4))
def test_must_64_options_at_any_alignment(p: Peer, pad: int) -> None:
    nops = [("NOP", None)] * pad
    c = p.syn_received(options=[*nops, ("MSS", 700), ("Timestamp", (0x01020304, 0))])
    echo = dict(p.heard[-1].packet[TCP].options)["Timestamp"][1]
    assert echo == 0x01020304
    c.send("PA", b"text", options=[*nops, ("Timestamp", (0x01020305, 0))])
    c.sock.send(bytes(1000))
    p.skip()
    assert {len(h.packet[TCP].payload) for h in p.heard[1:]} <= {0, 688, 1000 - 688}
    assert dict(p.heard[-1].packet[TCP].options)["Timestamp"][1] == 0x01020305
    assert c.sock.recv(100) == b"text"


def test_must_65_mss_in_syns_alone(p: Peer) -> None:
    c = p.established(options=TIMESTAMPS)
    c.sock.send(b"text")
    c.expect("PA")
    c.send("PA", b"question", options=[("MSS", 100), ("Timestamp", (p.now // 1_000_000, 0))])
    assert c.sock.recv(100) == b"question", "the segment has been taken"
    c.sock.send(bytes(3000))
    assert max(len(packet[TCP].payload) for packet in p.skip()) == mss(p) - 12, "one that comes later is not looked at"
    c.sock.shutdown(1)
    p.skip()
    c.connection.abort()
    p.host.touch(c.endpoint)
    p.skip()
    assert {str(h.packet[TCP].flags) for h in p.heard} >= {"SA", "PA", "A", "RA"}
    for heard in p.heard:
        has = "MSS" in [name for name, _ in heard.packet[TCP].options]
        assert has == bool(heard.packet[TCP].flags.S)
