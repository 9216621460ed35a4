"""Builds of source trees: whether they may run, the environment they run in, and the metadata or wheel they give."""
