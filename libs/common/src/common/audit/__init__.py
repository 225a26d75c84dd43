"""The audit trail: every look and every act, written in the transaction of the act, never changed (invariant 7).

`recording` writes entries.
"""

from common.audit.recording import AuditEvent, Outcome, record, refusals_recorded

__all__ = ["AuditEvent", "Outcome", "record", "refusals_recorded"]
