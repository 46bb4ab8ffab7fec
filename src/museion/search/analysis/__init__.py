"""What stands behind `museion.search.query`: its grammar, and what plain words mean."""
