"""UDP endpoints, sans-IO: who a datagram is for, what waits to be read, how one is sent."""
