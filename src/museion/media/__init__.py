"""What the bytes of a medium say: kind, metadata, renditions, fingerprint. Pure functions."""
