"""Where packets come from and go to: TUN, memory, captures."""
