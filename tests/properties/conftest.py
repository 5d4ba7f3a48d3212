"""The properties are those of the seeded runs in tests/sim, whose modules import one another by name."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "sim"))
