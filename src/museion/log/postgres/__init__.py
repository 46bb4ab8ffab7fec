"""A log in PostgreSQL: settings, connection, tables, and how they are written and read."""
