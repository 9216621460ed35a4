"""Hostile inputs: each a named case with what it must not cause."""
