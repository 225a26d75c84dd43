"""What identifies a person: its kinds, how they are found in text, and what of it may stand in a message. Pure."""
