"""Looks into the agency's other files, while a conversation calls for one (S1-038, S1-039)."""
