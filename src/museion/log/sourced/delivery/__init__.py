"""At least once to the outside world: deliveries of aggregates, and channels."""
