"""IP for one host, sans-IO: what a packet is and whose, fragments, routes, path MTU, ICMP."""
