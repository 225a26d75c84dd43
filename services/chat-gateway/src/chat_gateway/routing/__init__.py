"""Who gets a conversation, when and why: registers as data, rules as pure functions. Nothing here reads or writes anything
but the register's files.
"""
