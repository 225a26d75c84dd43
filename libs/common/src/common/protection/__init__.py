"""Keys, and what is sealed under them: events' `pii`, columns, and the blind indexes by which sealed values are found."""
