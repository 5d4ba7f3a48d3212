"""The fuzzers' drivers are tools, which import one another by name."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2] / "tools"))
