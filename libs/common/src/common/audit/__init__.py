"""The audit trail: every look and every act, written in the transaction of the act, never changed (invariant 7).

`recording` writes entries; `terms` keeps what was searched for as keyed digests.
"""

from common.audit.recording import AuditEvent, Outcome, record, refusals_recorded
from common.audit.terms import term

__all__ = ["AuditEvent", "Outcome", "record", "refusals_recorded", "term"]
