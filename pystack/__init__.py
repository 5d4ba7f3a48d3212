"""pystack: a TCP/IP stack that lives inside a Python process."""
