"""The congestion controllers and the contract that a new one implements."""
