"""Direct references: wheels and sdists by URL or path, folders, and commits."""
