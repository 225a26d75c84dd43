"""How far each participant of a session has received and read."""

from common.migrations import execute_script

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE receipt (
    session_id     uuid NOT NULL,
    participant_id uuid NOT NULL REFERENCES participant (id) ON DELETE CASCADE,
    kind           text NOT NULL CONSTRAINT receipt_kind CHECK (kind IN ('delivered', 'read')),
    up_to          int NOT NULL,
    at             timestamptz NOT NULL,
    PRIMARY KEY (session_id, participant_id, kind, up_to),
    CONSTRAINT receipt_of_what_is_there FOREIGN KEY (session_id, up_to) REFERENCES session_entry (session_id, seq)
        ON DELETE CASCADE
);
COMMENT ON TABLE receipt IS 'Who received and read a session up to which entry, each step with its moment; never goes back';
CREATE INDEX receipt_lately ON receipt (session_id, at);
"""


def upgrade() -> None:
    execute_script(TABLES)
