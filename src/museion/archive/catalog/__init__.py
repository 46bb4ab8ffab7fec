"""The view of all assets that screens read: a projection of the log into SQLite, and its reader."""
