"""An ordered pip requirement list and a machine in, a deterministic PEP 751 lockfile out."""
