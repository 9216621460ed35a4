"""App files: read from their syntax tree, or run in a process of their own under `--evaluate`."""
