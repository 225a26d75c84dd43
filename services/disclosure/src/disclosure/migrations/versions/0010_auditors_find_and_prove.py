"""Decisions and accounting rows have a salt for their commitments; recipients of disclosures are found by a blind index."""

from common.migrations import execute_script

revision = "0010"
down_revision = "0009"

SCRIPT = """
-- What stands there already was committed to by nobody: it stays without.
ALTER TABLE decision ADD COLUMN salt uuid;
ALTER TABLE accounting ADD COLUMN salt uuid;
COMMENT ON COLUMN decision.salt IS 'Keeps the commitment in the audit entry from being guessed; shown with the row';

CREATE TABLE accounting_recipient (
    accounting_id uuid PRIMARY KEY REFERENCES accounting,
    name          bytea NOT NULL CHECK (length(name) = 34)
);
CREATE INDEX accounting_recipient_name ON accounting_recipient (name);
COMMENT ON TABLE accounting_recipient IS
    'Blind index of recipients'' names, made from the sealed ones when somebody looks for one: derived, so it can be made anew';

CREATE INDEX disclosure_request_records ON disclosure_request USING gin (transcript_ids);
"""


def upgrade() -> None:
    execute_script(SCRIPT)
