"""The HTTP door of a site: routes, schemas, live changes, and the built web UI."""
