"""One TCP connection, sans-IO: told the time and fed segments, asked for segments."""
