"""What a lock is for: Python version, platform and accelerator, and the data about GPUs and builds. Pure."""
