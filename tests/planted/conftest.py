"""What plants bugs is a tool, whose modules import one another by name."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2] / "tools"))
