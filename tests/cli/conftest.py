"""The fixtures of a served stack."""

from serving import root, run, runtime, serve

__all__ = ["root", "run", "runtime", "serve"]
