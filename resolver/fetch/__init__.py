"""Network, cache and child processes: the `PackageSource` over real indexes."""
