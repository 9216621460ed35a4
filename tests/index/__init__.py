"""The index stage: pages, files, metadata."""
