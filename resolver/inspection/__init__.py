"""Questions about a lock that exists: audit, verification, installers, sizes, bill of materials."""
