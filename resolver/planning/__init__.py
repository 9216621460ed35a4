"""The plans of a run, made before any request: a `LockPlan` for each source and target; and the check of a lock."""
