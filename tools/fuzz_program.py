"""The byte format of the programs that `fuzz_host.py` runs: four bytes of settings, then instructions of four bytes.

The first byte of an instruction has its number in the low five bits (`OPS`) and that of a flow, or socket, in the high
three; three operands follow, a, b and c, which mean what the instruction says.
"""

import random
from collections.abc import Callable
from typing import NamedTuple

from fuzz_peer import OURS

from pystack.ip.config import IpConfig
from pystack.stack.config import Config
from pystack.tcp.config import TcpConfig
from pystack.udp.config import UdpConfig

SECOND = 1_000_000_000
SIZE = 4
"""Bytes of the settings, and of an instruction."""
MOST_INSTRUCTIONS = 300
OPS = (
    *("handshake", "syn", "syn_ack", "ack", "sack", "data", "fin", "rst", "urgent", "segment", "repeat"),
    *("udp", "echo", "icmp", "too_big"),
    *("patch", "patch_ip", "cut", "fragments", "extension", "hold", "release"),
    *("listen", "accept", "connect", "write", "read", "close", "option", "datagram"),
    *("wait", "mtu"),
)
"""The instructions, by number: `_handshake` in `fuzz_host.py` or `fuzz_applications.py` says what `handshake` does."""
_TELLING = (0, 0, 1, 2, 3, 4, 8, 16, 32, 64, 127, 128, 129, 200, 255)
"""Operands that often make a difference."""


class Step(NamedTuple):
    """One instruction."""

    op: int
    flow: int
    a: int
    b: int
    c: int


def program(data: bytes) -> list[Step]:
    """The instructions behind the settings; what is left over at the end is none."""
    steps = [data[at : at + SIZE] for at in range(SIZE, len(data) - SIZE + 1, SIZE)]
    return [Step(s[0] & 31, s[0] >> 5, s[1], s[2], s[3]) for s in steps[:MOST_INSTRUCTIONS]]


def settings_of(data: bytes) -> Config:
    """Byte 0: what TCP is to offer; byte 1: MTU, memory and buffers, two bits each; byte 2: other settings of TCP; byte
    3: those of the host. The flows' own numbers hang on byte 2, too, and how it ends on byte 3.
    """
    offer, sizes, more, rest = data[:4].ljust(4, b"\0")
    return Config(
        addresses=((OURS[0], 24), (OURS[1], 64)),
        mtu=(1500, 1280, 1400, 9000)[sizes & 3],
        memory=(1 << 20, 60_000, 150_000, 400_000)[sizes >> 2 & 3],
        syn_queue=3,
        max_tw=3 + (rest & 1),
        ip=IpConfig(
            fragment_memory_v4=20_000, fragment_memory_v6=20_000, icmp_ratelimit=0 if rest & 2 else SECOND, min_pmtu=552
        ),
        udp=UdpConfig(rcvbuf=8_000),
        tcp=TcpConfig(
            sack=not offer & 1,
            timestamps=not offer & 2,
            window_scaling=not offer & 4,
            dsack=not offer & 8,
            ecn=(2, 1, 0, 2)[offer >> 4 & 3],
            keepalive=bool(offer & 64),
            nodelay=bool(offer & 128),
            rcvbuf=(65_536, 2_304, 8_192, 30_000)[sizes >> 4 & 3],
            sndbuf=(65_536, 4_608, 16_384, 30_000)[sizes >> 6 & 3],
            rfc1337=bool(more & 1),
            soft_errors_end_connect=bool(more & 2),
            user_timeout_option=bool(more & 4),
            user_timeout=30 * SECOND if more & 4 else 0,
            slow_start_after_idle=not more & 8,
            initial_cwnd=(10, 1)[more >> 4 & 1],
        ),
    )


def assemble(settings: bytes, *steps: tuple[str, int, int, int, int]) -> bytes:
    """The input for instructions by name, with flow and operands."""
    return settings + b"".join(bytes((flow << 5 | OPS.index(name), a, b, c)) for name, flow, a, b, c in steps)


def mutator(mutate: Callable[[bytes, int], bytes]) -> Callable[[bytes, int, int], bytes]:
    """A mutator for atheris that mostly changes whole instructions; `mutate` is libFuzzer's own, for the rest."""

    def changed(data: bytes, most: int, seed: int) -> bytes:
        draw = random.Random(seed)
        steps = [data[at : at + SIZE] for at in range(0, len(data) - SIZE + 1, SIZE)] or [bytes(SIZE)]
        at = draw.randrange(len(steps))
        match draw.randrange(8):
            case 0 | 1:
                # Mostly about a flow, or socket, that is there.
                flow = draw.choice(steps)[0] & 0xE0 if draw.random() < 0.8 else draw.randrange(8) << 5
                steps.insert(at + 1, bytes((flow | draw.randrange(32), *(draw.choice(_TELLING) for _ in range(3)))))
            case 2 if len(steps) > 2:
                del steps[1 + at % (len(steps) - 1)]
            case 3:
                steps[at + 1 : at + 1] = steps[max(at - draw.randrange(8), 1) : at + 1]
            case 4:
                steps.insert(at + 1, steps.pop(1 + draw.randrange(len(steps) - 1)) if len(steps) > 1 else bytes(SIZE))
            case 5 | 6:
                step = bytearray(steps[at])
                step[draw.randrange(SIZE)] = draw.choice((*_TELLING, draw.randrange(256)))
                steps[at] = bytes(step)
            case _:
                return mutate(data, most)
        return b"".join(steps)[:most]

    return changed
