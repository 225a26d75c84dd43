"""How the database of this service came to be."""
