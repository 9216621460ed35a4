"""What can be set for a lock: the table of options, and `[tool.pinfold]` read by it. Pure."""
