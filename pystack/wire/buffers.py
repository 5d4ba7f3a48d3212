"""The one type alias that the codecs share."""

from typing import TypeAlias

Buffer: TypeAlias = bytes | bytearray | memoryview
"""Anything that holds bytes and can be sliced."""
