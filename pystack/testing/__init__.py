"""For tests: a host in virtual time, and a scripted peer that says to it what a script in plain Python says.

    from scapy.layers.inet import IP, TCP
    from pystack import testing

    host = testing.host("10.0.0.2/24", "fd00::2/64", seed=7)
    with testing.peer(host) as p:
        c = p.established()
        c.send(data=b"hello")
        c.expect("A", ack=6, within="40 ms")

No root, no threads, no clock but the script's: the same script gives the same packets, to the byte. Packets are those
of scapy, which has to be installed.
"""

from pystack.testing.conversation import Conversation
from pystack.testing.durations import nanoseconds
from pystack.testing.hosts import host
from pystack.testing.peer import Peer, peer
from pystack.testing.speaker import Heard

__all__ = ["Conversation", "Heard", "Peer", "host", "nanoseconds", "peer"]
