"""How the built-in encoder is trained; needs the `train` extra."""
