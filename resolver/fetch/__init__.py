"""The only code that touches the network, the cache, and processes."""
