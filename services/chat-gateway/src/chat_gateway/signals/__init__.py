"""What people in a session tell each other without a word: how far they have received and read, and that they are typing.

Receipts are kept, each step with its moment, and never go back. That somebody types is passed on and kept nowhere.
"""
