"""What indexes say, as values: pages, files, core metadata, and the seam to the world. Pure."""
