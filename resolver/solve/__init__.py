"""The search: a problem and a package source in, pins or an explanation out."""
