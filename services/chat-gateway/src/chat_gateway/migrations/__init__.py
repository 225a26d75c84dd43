"""How the database came to its present state: every step, in order, never edited."""
