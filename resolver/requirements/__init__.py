"""A requirement list: text in, entries with positions and scopes out. Pure."""
