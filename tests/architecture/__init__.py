"""The shape of the code, measured: `python -m tests.architecture` prints it, `tests/test_architecture.py` holds it.

- `limits`: the table of limits. Change a figure there and nowhere else.
- `measures`: the figures, read from the sources with `ast`; nothing of the product is imported.
- `walk`: what one requirement line passes on its way to the lock, which does run the product.
"""
