"""All SQL of the service: `capture` keeps entries and seals, `reading` finds and shows."""
