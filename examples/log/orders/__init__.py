"""Orders that two sites change at the same time. See `__main__` for how to run it."""
