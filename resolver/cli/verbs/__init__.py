"""The verbs of `lock`: one module each, with a function `run_VERB(words, program)` that returns the exit code."""
