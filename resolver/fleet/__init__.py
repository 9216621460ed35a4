"""Locks of many lists, made by many processes, and queries about them."""
