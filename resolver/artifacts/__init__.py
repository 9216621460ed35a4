"""From a lockfile to files on disk: wheelhouses, and locks with fresh URLs for one build."""
