"""Keeps the record of every conversation.

This service puts the entries of a session together by their numbers, seals a transcript when it holds 1..n and every
running digest follows from the entries, and lets those read it who may, for a stated purpose, with a trace of each look.
It does not run conversations (the chat gateway does), judge work (production), decide what leaves (disclosure) or what is
destroyed (retention).
"""
