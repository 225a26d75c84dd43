"""Texts with a marking of classified content are set apart (S1-010)."""

from common.migrations import execute_script

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE quarantined_text (
    id             uuid PRIMARY KEY,
    at             timestamptz NOT NULL,
    session_id     uuid NOT NULL,
    participant_id uuid NOT NULL,
    entry_id       uuid NOT NULL,
    marking        text NOT NULL CONSTRAINT quarantined_text_marking CHECK (marking <> ''),
    sealed         bytea NOT NULL
);
COMMENT ON TABLE quarantined_text IS 'Texts with a marking of classified content: in no entry, no event and no transcript; for the security office';
CREATE INDEX quarantined_text_newest ON quarantined_text (at);

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON quarantined_text
    FOR EACH STATEMENT EXECUTE FUNCTION history_is_append_only();
"""


def upgrade() -> None:
    execute_script(TABLES)
