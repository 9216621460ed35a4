"""The search itself: candidate tables, the resolvelib provider, propagation and background requests."""
