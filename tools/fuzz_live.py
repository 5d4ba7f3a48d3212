"""Feeds a live `pystack serve` random and damaged packets at full speed, and looks whether it minds.

    python tools/fuzz_live.py [--packets 200000] [--seconds 900] [--seed N] [--capture FILE]

In a network namespace of its own (without root in a user namespace too) on a TUN device that the tool makes; the
packets go past the kernel's own IP, through a packet socket, both families. Meanwhile curl fetches pages now and then;
what is damaged and aimed at are the packets of these exchanges. At the end: the server lives and has said nothing on
standard error, every packet that it has read is accounted for in its counters, its memory is flat, and ping and curl
are answered. The seed gives the same draws; what they hit hangs on the moment, too.

Exit status: 0 all is well, 1 something is not, 2 the tool cannot run here.
"""

import argparse
import contextlib
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from fuzz_counters import unaccounted  # noqa: E402
from fuzz_packets import Packets  # noqa: E402

from pystack.cli.howfar import how_far  # noqa: E402
from pystack.link.device import LinkError  # noqa: E402
from pystack.link.netns import enter_private_network  # noqa: E402
from pystack.link.tun import check_node  # noqa: E402

DEVICE = "fuzz0"
OWN = ("10.0.0.2", "fd00:7079::2")
KERNEL = ("10.0.0.1", "fd00:7079::1")
STRANGERS = ("10.0.0.9", "10.0.0.200", "fd00:7079::9", "fd00:7079::abcd")
"""Addresses of the networks that nobody has: what the stack sends there, nobody answers."""
URLS = ("http://10.0.0.2/", "http://[fd00:7079::2]/")
SERVICES = {"--http": 80, "--echo": 7, "--discard": 9, "--chargen": 19}

ETH_P_ALL, ETH_P_IP, ETH_P_IPV6 = 0x0003, 0x0800, 0x86DD
BURST = 128
MOST_WAITING = 2000
"""Packets under way to the server: the device's queue takes 10,000, and what it drops has not been tested."""
STALLED_SECONDS = 30
WARM_UP = 20_000
"""Packets before the first round: what a server needs once."""
ROUNDS = 5
"""After each all peers go away, so that the memory after one compares with that after another."""
MOST_GROWTH = 4 << 20
"""Bytes of memory that the server may have more after the last round than after the first: of 200,000 packets, each in
the four rounds between may leave 26 bytes. The first round belongs to the warm-up: it grows with what the most
connections at once take, and that with the round; and a round in between may end in the middle of a burst.
"""
GIVES_BACK = {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "65536"}
"""Has the C library give freed buffers back at once. As it is, it keeps what the most connections at once have needed,
which is chance: up to 20 MB that nobody uses, and a leak could hide in it."""
PAUSE_SECONDS = 0.3


class Trouble(Exception):
    """What is not well; the rest cannot be looked at."""


class Wire:
    """The kernel's end of a device: injects packets, and shows what passes."""

    def __init__(self, device: str) -> None:
        self._device = device
        self._read, self._dropped = self.statistics()
        """Packets before any was seen here; the device drops those that come before the server does."""
        self.injected = 0
        self._others = 0
        """Packets that the kernel has sent to the stack."""
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL))
        self._socket.bind((device, ETH_P_ALL))
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        self._socket.setblocking(False)

    def inject(self, packet: bytes) -> None:
        """Sends one packet to the stack."""
        self._socket.sendto(packet, (self._device, ETH_P_IPV6 if packet[0] >> 4 == 6 else ETH_P_IP))
        self.injected += 1

    def seen(self) -> Iterator[bytes]:
        """What has passed of others, either way."""
        with contextlib.suppress(BlockingIOError):
            while True:
                packet, address = self._socket.recvfrom(65536)
                self._others += address[2] == socket.PACKET_OUTGOING
                yield packet

    def waiting(self) -> int:
        """How many packets the stack has still to read, of those that were injected or seen."""
        read, dropped = self.statistics()
        return self.injected + self._others - (read - self._read) - (dropped - self._dropped)

    def dropped(self) -> int:
        """Packets that the device's queue had no room for."""
        return self.statistics()[1] - self._dropped

    def statistics(self) -> tuple[int, int]:
        """Packets that the stack has read from the device, and those that it has dropped."""
        for line in Path("/proc/net/dev").read_text().splitlines():
            name, _, numbers = line.partition(":")
            if name.strip() == self._device:
                values = numbers.split()
                return int(values[9]), int(values[11])
        raise Trouble(f"the device {self._device} is gone")


class Server:
    """The `pystack serve` that is tried."""

    def __init__(self, directory: Path, capture: Path | None) -> None:
        self._metrics = directory / "metrics.json"
        self._stderr = (directory / "stderr").open("w+")
        options = ["--metrics", str(self._metrics)]
        options += [text for option, port in SERVICES.items() for text in (option, str(port))]
        if capture is not None:
            options += ["--capture", str(capture.absolute())]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "pystack", "serve", "--tun", DEVICE, "--host-address", "none", *options],
            cwd=ROOT,
            env=os.environ | GIVES_BACK,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
        )
        assert self._process.stdout is not None
        if not self._process.stdout.readline():
            raise Trouble(f"the server did not come up: {self.said()}")

    def said(self) -> str:
        """What is on its standard error."""
        self._stderr.seek(0)
        return self._stderr.read().strip()

    def resident(self) -> int:
        """Bytes of its memory that are resident."""
        self.check()
        for line in Path(f"/proc/{self._process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS"):
                return int(line.split()[1]) << 10
        raise Trouble("the server has ended")

    def check(self) -> None:
        """Raises `Trouble` once it has ended."""
        if self._process.poll() is not None:
            raise Trouble(f"the server has ended with {self._process.returncode}: {self.said()}")

    def stop(self) -> dict[str, int]:
        """Ends it in order; returns its counters."""
        self.check()
        self._process.send_signal(signal.SIGTERM)
        status = self._process.wait(60)
        if status:
            raise Trouble(f"the server ended with {status}: {self.said()}")
        counters: dict[str, int] = json.loads(self._metrics.read_text())
        return counters

    def kill(self) -> None:
        """Ends it, if it has not."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        self._stderr.close()


class Fetches:
    """curl, one at a time beside the packets. That one fails is counted only: a packet may have hit its connection."""

    def __init__(self) -> None:
        self.done = self.failed = 0
        self._running: subprocess.Popen[bytes] | None = None

    def look(self) -> None:
        """Counts a fetch that has ended, and begins the next."""
        if self._running is not None:
            status = self._running.poll()
            if status is None:
                return
            self.done += 1
            self.failed += status != 0
        url = URLS[self.done % 2]
        self._running = subprocess.Popen(curl(url), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def finish(self) -> None:
        """Waits for the last one."""
        if self._running is not None:
            self.failed += self._running.wait() != 0
            self.done += 1
            self._running = None


def curl(url: str) -> list[str]:
    return ["curl", "-gsS", "--noproxy", "*", "--max-time", "10", "-w", "%{http_code}", "-o", "/dev/null", url]


def make_device() -> None:
    """A device that outlives the server, so that what was read from it can be told afterwards."""
    ip = ["ip", "-batch", "-"]
    commands = [f"tuntap add {DEVICE} mode tun"]
    commands += [f"address add {a}/{24 if '.' in a else 64} dev {DEVICE}{'' if '.' in a else ' nodad'}" for a in KERNEL]
    commands += [f"link set {DEVICE} txqueuelen 10000 up"]
    subprocess.run(ip, input="\n".join(commands), text=True, check=True, capture_output=True)


class Feed:
    """Injects what `packets` draws, and tells how many it has. `check` raises `Trouble` once the server has ended."""

    def __init__(
        self, wire: Wire, check: Callable[[], None], packets: Packets, seconds: float, tell: Callable[[int], None]
    ) -> None:
        self.fetches = Fetches()
        self.drawn = 0
        self.elapsed = 0.0
        """Seconds of injecting, without the pauses."""
        self._wire, self._check, self._packets, self._tell = wire, check, packets, tell
        self._end = time.monotonic() + seconds

    def run(self, until: int) -> None:
        """Goes on until so many have been drawn, or the time is over, and all are read."""
        start = time.monotonic()
        while self.drawn < until and time.monotonic() < self._end:
            burst = min(BURST, until - self.drawn)
            for _ in range(burst):
                self._wire.inject(self._packets.draw())
            self.drawn += burst
            self._learn()
            self._wait(MOST_WAITING)
            self._tell(self.drawn)
            if self.drawn // BURST % 8 == 0:
                self.fetches.look()
        self._wait(0)
        self.elapsed += time.monotonic() - start
        self.fetches.finish()

    def leave(self) -> None:
        """All peers reset their connections. Where the stack had an ACK to send still, the reset is a guess to it, and
        it answers; which tells the right number.
        """
        for _ in range(3):
            self._learn()
            for packet in self._packets.resets():
                self._wire.inject(packet)
            self._wait(0)
            time.sleep(PAUSE_SECONDS)

    def _learn(self) -> None:
        for packet in self._wire.seen():
            self._packets.learn(packet)

    def _wait(self, most: int) -> None:
        """Until no more than `most` packets wait to be read."""
        least, since = self._wire.waiting(), time.monotonic()
        while (waiting := self._wire.waiting()) > most:
            self._check()
            if waiting < least:
                least, since = waiting, time.monotonic()
            elif time.monotonic() - since > STALLED_SECONDS:
                raise Trouble(f"the server does not read the {waiting} packets that wait for it")
            time.sleep(0.0005)


def answers() -> Iterator[str]:
    """Who does not answer now."""
    for url in URLS:
        result = subprocess.run(curl(url), capture_output=True, text=True)
        if result.stdout != "200":
            yield f"curl {url}: {result.stdout} {result.stderr.strip()}"
    for address in OWN:
        result = subprocess.run(["ping", "-c", "2", "-i", "0.2", "-W", "5", address], capture_output=True, text=True)
        if result.returncode:
            yield f"ping {address}: {result.stdout.strip()}"


def run(count: int, seconds: float, seed: int, capture: Path | None) -> list[str]:
    """Tries it; prints the figures, and returns what is not well."""
    make_device()
    own, peers = ([ip_address(a).packed for a in group] for group in (OWN, KERNEL + STRANGERS))
    packets = Packets(seed, own, peers, list(SERVICES.values()))
    troubles: list[str] = []
    with tempfile.TemporaryDirectory() as directory, contextlib.ExitStack() as end:
        server = Server(Path(directory), capture)
        end.callback(server.kill)
        wire = Wire(DEVICE)
        troubles += [f"before the first packet: {what}" for what in answers()]
        tell = end.enter_context(how_far("packets", WARM_UP + count))
        feed = Feed(wire, server.check, packets, seconds, tell)
        resident: list[int] = []
        for done in range(ROUNDS + 1):
            feed.run(WARM_UP + count * done // ROUNDS)
            feed.leave()
            resident.append(server.resident())
        troubles += answers()
        counters = server.stop()
        read, dropped = wire.statistics()[0], wire.dropped()
        said = server.said()
    growth = resident[-1] - resident[1]
    print(f"{feed.drawn} packets in {feed.elapsed:.1f} s, {feed.drawn / feed.elapsed:,.0f}/s; seed {seed}")
    print(f"{read} read by the server, those of curl, ping and the kernel among them; {dropped} dropped by the device")
    print(f"{feed.fetches.done} pages fetched meanwhile, {feed.fetches.failed} of which failed")
    print("memory after the warm-up and each round:", ", ".join(f"{size / 1e6:.1f}" for size in resident), "MB")
    for name, value in counters.items():
        print(f"  {name:32} {value:>9}")
    if feed.drawn < WARM_UP + count:
        troubles.append(f"only {feed.drawn} of {WARM_UP + count} packets in {seconds} s")
    if dropped or read < wire.injected:
        troubles.append(f"{wire.injected} packets sent, {read} read by the server, {dropped} dropped by the device")
    if growth > MOST_GROWTH:
        troubles.append(f"the server's memory has grown by {growth / 1e6:.1f} MB")
    if said:
        troubles.append(f"on standard error: {said}")
    return troubles + list(unaccounted(counters, read))


def whole(text: str) -> int:
    """A number of which there is at least one: of none, all would be well."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is none: give 1 or more")
    return number


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--packets", type=whole, default=200_000)
    parser.add_argument("--seconds", type=whole, default=900, help="give up after this time")
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--capture", type=Path, default=None, help="have the server write every packet to this file")
    options = parser.parse_args()
    seed = random.randrange(1 << 32) if options.seed is None else options.seed
    print(f"seed {seed}", file=sys.stderr)
    missing = [tool for tool in ("ip", "curl", "ping") if shutil.which(tool) is None]
    if missing:
        print(f"needs {', '.join(missing)}", file=sys.stderr)
        return 2
    try:
        check_node()
        enter_private_network()
    except LinkError as error:
        print(error, file=sys.stderr)
        return 2
    try:
        troubles = run(options.packets, options.seconds, seed, options.capture)
    except Trouble as end:
        troubles = [str(end)]
    except KeyboardInterrupt:
        return 130
    for trouble in troubles:
        print(f"NOT WELL: {trouble}")
    print("all is well" if not troubles else f"seed {seed}: {len(troubles)} troubles")
    return 1 if troubles else 0


if __name__ == "__main__":
    sys.exit(main())
