"""Apps read and not run: what a Python file gives the platform, by interpreting the few forms that real apps use."""
