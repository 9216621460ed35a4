"""A small interpreter of Python's syntax tree: the values that an app file gives to names, without running it."""
