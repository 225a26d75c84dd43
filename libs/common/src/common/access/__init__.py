"""Who may do what, and for what: the register of purposes, the table of permissions, and the question put to them."""

from common.access.check import admit, log_in, require_assurance
from common.access.loading import PERMISSIONS
from common.access.look import Look
from common.access.purposes import OWN_RECORD, PURPOSES
from common.access.table import Assurance, Permit, Reach, Row, Scope, Table

__all__ = [
    "OWN_RECORD",
    "PERMISSIONS",
    "PURPOSES",
    "Assurance",
    "Look",
    "Permit",
    "Reach",
    "Row",
    "Scope",
    "Table",
    "admit",
    "log_in",
    "require_assurance",
]
