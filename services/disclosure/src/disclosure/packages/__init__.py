"""Release packages: what goes to one person, item by item, and the media that files travel on (DEEOIC bulletin, items 1, 2, 7 to 11).

Rules are pure and read from `law/`: states of package, item, shipment and medium (`states.yaml`), what may go by which way
(`sending.yaml`), and the warning that media bear (`marking.yaml`). The redacted copy itself is made where the records are;
here are its review, its hash, the chain of custody, and every refusal.
"""
