"""`--evaluate`: apps whose lists only a run tells, run in a process of their own that shows them the target."""
