"""Bytes <-> values: pure, stateless codecs for every header that the stack reads or writes."""
