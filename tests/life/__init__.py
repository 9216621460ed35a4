"""A stateful model of what happens to one list and its lock over time."""
