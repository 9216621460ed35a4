"""What indexes offer, as values: pages, files and core metadata; and the `PackageSource` seam. Pure."""
