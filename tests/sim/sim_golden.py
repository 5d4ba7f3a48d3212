"""The digests of some seeded runs, which are the same on every Python: tests/sim/golden_digests.txt has them.

.venv/bin/python tests/sim/sim_golden.py            # prints them
.venv/bin/python tests/sim/sim_golden.py --write    # writes them anew, where packets were meant to change
"""

import sys
from pathlib import Path

from sim_options import HOSTILE, OPTIONS, Options, seeded_options
from sim_scenario import run

PAGE = Path(__file__).with_name("golden_digests.txt")
SEEDS = range(12)


def options_of(seed: int) -> Options:
    """All kinds of paths, but hosts that live, so that there is much to hash."""
    calm = ("fault", "abort_at", "cut_at", "crash_at", "moves_at", "early_close")
    if seed == 0:
        return HOSTILE
    return seeded_options(seed) | {name: OPTIONS[name][0] for name in calm} | {"size_a": 60_000, "size_b": 20_000}


def digests() -> str:
    """A line for each seed: the seed, and a hash of all packets with their times."""
    return "".join(f"{seed} {run(seed, options_of(seed)).digest}\n" for seed in SEEDS)


if __name__ == "__main__":
    if "--write" in sys.argv:
        PAGE.write_text(digests())
    else:
        print(digests(), end="")
