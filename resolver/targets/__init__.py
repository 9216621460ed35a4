"""What a lock is for. Pure: nothing is read from the host."""
