"""What a run has to do, decided before any network: a `LockPlan` for each source and target, and `--check`."""
