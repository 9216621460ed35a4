"""The `lock` command: options, output, and one module a verb."""
