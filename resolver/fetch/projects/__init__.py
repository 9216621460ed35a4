"""Project pages and the metadata of their files, as bytes from an index and as rows in the cache."""
