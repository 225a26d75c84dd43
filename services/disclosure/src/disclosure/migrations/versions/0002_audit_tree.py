"""The audit trail becomes a Merkle tree with signed heads; search terms; dead letters that were dismissed."""

from common.audit.schema import AUDIT_V2
from common.migrations import execute_script

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    execute_script(AUDIT_V2)
