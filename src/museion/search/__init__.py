"""Query parsing, lexical and vector indexes, rank fusion; knows nothing of assets; usable alone."""
