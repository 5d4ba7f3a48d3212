"""The packets of seeded runs are known to the byte: across commits, processes and hash seeds. `make test-all-pythons`
asks the same of other Pythons.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from sim_golden import PAGE, SEEDS, options_of
from sim_scenario import run


@pytest.mark.parametrize("hash_seed", ["0", "1", "random"])
def test_digests_are_those_in_the_repository(hash_seed: str) -> None:
    command = [sys.executable, str(Path(__file__).with_name("sim_golden.py"))]
    environment = os.environ | {"PYTHONHASHSEED": hash_seed}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stdout == PAGE.read_text(), "other packets than before: where that is meant, sim_golden.py --write"


def test_another_seed_gives_other_packets() -> None:
    known = dict(line.split() for line in PAGE.read_text().splitlines())
    assert len(set(known.values())) == len(SEEDS)
    assert run(100, options_of(0)).digest not in known.values()
