"""The fixtures of a served stack."""

from serving import root, run, serve

__all__ = ["root", "run", "serve"]
