"""`python -m pystack` is the console script `pystack`."""

from pystack.cli import main

main()
