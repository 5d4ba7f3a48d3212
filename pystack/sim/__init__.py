"""Many hosts and links on one virtual clock."""
