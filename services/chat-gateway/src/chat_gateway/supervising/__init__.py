"""Supervisors in conversations of those whom they supervise: listening, whispering, and joining."""
