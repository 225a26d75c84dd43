"""Commitments: what the audit entry of a decision says of the decision and of its accounting row, without telling it.

A document holds everything that stands in such a row, with a salt of its own, as a JSON object whose canonical form has its
members sorted, no spaces, and UTF-8. The entry's `fields` name the SHA-256 of those bytes, and the entry is a leaf of the signed tree.
So whoever is shown the document later can tell that it is what stood there on that day; who is not can guess nothing.
"""

import hashlib
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import orjson

from common.clock import rfc3339
from disclosure.entries import Asked, Made
from disclosure.tables import Accounting, DecisionRow, DisclosureRequest

Document = dict[str, Any]
PREFIX = "sha256:"


def of_decision(row: DecisionRow | Made, request: DisclosureRequest | Asked) -> Document | None:
    """The decision with the request that it answers; None for one from before commitments were made."""
    if row.salt is None:
        return None
    return {
        "register": "decisions",
        "salt": str(row.salt),
        "id": str(row.id),
        "request_id": str(row.request_id),
        "transcript_ids": [str(one) for one in request.transcript_ids],
        "basis": request.basis,
        "recipient_kind": request.recipient_kind,
        "purpose": request.purpose,
        "requested_by": row.requested_by,
        "requested_at": rfc3339(request.requested_at),
        "decided_by": row.decided_by,
        "decided_at": rfc3339(row.decided_at),
        "outcome": row.outcome,
        "rule_version": row.rule_version,
        "missing": list(row.missing),
        "holds_until": row.holds_until.isoformat() if row.holds_until else None,
        "facts": dict(row.facts),
        "sealed": [str(one) for one in row.sealed],
        "steps": list(row.steps),
        "tax_spans": list(row.tax_spans),
    }


def of_accounting(
    row: Accounting, *, recipient_name: str, recipient_address: str, records: Sequence[UUID]
) -> Document | None:
    """The row of the accounting with name and address in the open: none but its readers ever see the document.

    Args:
        records: the records that it accounts for, in any order.
    """
    if row.salt is None:
        return None
    return {
        "register": "accountings",
        "salt": str(row.salt),
        "id": str(row.id),
        "decision_id": str(row.decision_id),
        "request_id": str(row.request_id),
        "transcript_ids": [str(one) for one in sorted(set(records))],
        "disclosed_at": rfc3339(row.disclosed_at),
        "nature": row.nature,
        "basis": row.basis,
        "purpose": row.purpose,
        "recipient_kind": row.recipient_kind,
        "recipient_name": recipient_name,
        "recipient_address": recipient_address,
    }


def commitment(document: Document) -> str:
    """What the audit entry names: `sha256:` and 64 hexadecimal digits."""
    return PREFIX + hashlib.sha256(orjson.dumps(document, option=orjson.OPT_SORT_KEYS)).hexdigest()
