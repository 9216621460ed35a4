"""Where a list is read from: app.py (read, not run), requirements.txt, pyproject.toml."""
