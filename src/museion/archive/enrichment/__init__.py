"""Processors that add what machines can see: metadata, renditions, fingerprints, embeddings."""
