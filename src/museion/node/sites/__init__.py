"""The other sites, from this one: keys, connections, what travels, and how it stands."""
