"""From plans to lockfiles: the stages of a lock in order, and the document that they end in."""
