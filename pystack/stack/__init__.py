"""One host, sans-IO: packets in, packets and events out."""
