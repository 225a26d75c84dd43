"""What the operator is told when something is in the way: one sentence, no traceback."""


class PlainError(Exception):
    """Stops the command; its text is one sentence that says what is wrong and what to do about it."""
