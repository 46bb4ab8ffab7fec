"""The composition root: settings and the assembly of one running site."""
