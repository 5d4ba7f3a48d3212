"""BSD socket semantics, sans-IO: each call gives a value, an errno, or says what it would block on."""
