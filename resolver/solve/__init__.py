"""The search: a `Problem` and a `PackageSource` in, a `Resolution` or an explanation out. Pure."""
