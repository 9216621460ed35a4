"""Hostile servers, locks and apps, and the requests that each of them gets out of a run."""
