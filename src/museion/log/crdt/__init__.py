"""Will hold counters, registers, sets and lists whose concurrent operations commute."""
