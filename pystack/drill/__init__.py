"""Test scripts for TCP stacks: packets, system calls and expectations, run in virtual time."""
