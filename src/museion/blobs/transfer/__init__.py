"""Blobs from one site to another: wanted by policy or by a person, resumable, verified."""
