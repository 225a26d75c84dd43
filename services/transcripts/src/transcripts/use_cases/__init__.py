"""What the service does: `capture` keeps and seals, `reading` shows."""
