"""What every service that holds records does with release grants: check, settle once, tell, note amendments (invariant 4).

`keys` checks a grant without asking disclosure; `settling` has the one row that decides what became of it; `subjects` hears
of grants and amendments, and settles by the clock those for which nobody comes. What a copy is made of is each service's own.
"""
