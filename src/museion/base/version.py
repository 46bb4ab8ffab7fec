"""The version of this distribution, stated once."""

VERSION = "0.1.0"
