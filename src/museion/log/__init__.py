"""An event log with causal replication, CRDTs and event-sourced parts; usable alone."""
