"""trio: the pump, and sockets and streams that behave like the ones programs already use."""
