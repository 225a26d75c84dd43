"""Incidents: personal data that got, or may have got, where they must not be (DEEOIC bulletin, item 13; OMB M-17-12).

Suspected counts. Whose protected data of which kind were in what left is read from the package itself. Rules are pure and lie
in `law/`: what opens an incident and what follows from it (`triggers.yaml`), states of incident and recapture (`states.yaml`),
time limits (`clocks.yaml`), and the risk of harm by its three factors (`risk.yaml`).
"""
