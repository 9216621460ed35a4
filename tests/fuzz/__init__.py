"""Fuzzing of every parser of input that others write: `python -m tests.fuzz [TARGET …] [--minutes N]`.

A target is a parser, the inputs that it starts from (`corpus/TARGET/`), and the errors that it may raise. Anything else
that leaves the parser is a finding, and so is an input that takes seconds.
"""
