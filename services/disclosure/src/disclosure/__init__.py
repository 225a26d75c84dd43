"""Disclosure: may these records leave, under which published routine use, and the accounting of what left.

It keeps requests, decisions with their reasons, the accounting of disclosures (5 U.S.C. 552a(c)) and the release grants
that are the only way out. It never holds a transcript: it knows which ones are sealed, by id.
"""
