"""Where a list is read from: requirements.txt, pyproject.toml, apps; and where its lockfile belongs."""
