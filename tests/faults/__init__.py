"""Faults of the machine: full disks, kills, clocks, names and addresses, each injected into a real process."""
