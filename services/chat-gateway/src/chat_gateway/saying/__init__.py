"""What may be said in a conversation: markings of classified text, the check of an employee's words, what is masked. Pure."""
