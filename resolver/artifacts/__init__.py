"""What an image builder does with a lock: download, build and hydrate its files."""
