"""Read, write, check, compare and digest lockfiles (PEP 751), without a solver and without a network."""
