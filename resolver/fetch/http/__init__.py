"""HTTP: connections, limits, retries, the HTTP cache, and the credentials that are joined below them."""
