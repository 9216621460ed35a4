"""The `lock` command: one module a verb."""
