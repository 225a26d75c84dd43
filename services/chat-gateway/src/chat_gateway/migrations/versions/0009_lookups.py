"""Looks into the agency's other files: who, in which session, into which file, why, and how it went. Both tables only grow."""

from common.migrations import execute_script

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE session_lookup (
    id             uuid PRIMARY KEY,
    session_id     uuid NOT NULL REFERENCES chat_session (id),
    at             timestamptz NOT NULL,
    participant_id uuid NOT NULL,
    topic          text NOT NULL CONSTRAINT session_lookup_topic CHECK (topic <> ''),
    system         text NOT NULL CONSTRAINT session_lookup_system CHECK (system <> ''),
    reason         text NOT NULL CONSTRAINT session_lookup_reason CHECK (reason <> ''),
    fields         text[] NOT NULL CONSTRAINT session_lookup_fields CHECK (cardinality(fields) > 0),
    file           bytea NOT NULL
);
COMMENT ON TABLE session_lookup IS 'Looks into the agency''s other files, kept before each was made; what they brought is kept nowhere';
COMMENT ON COLUMN session_lookup.file IS 'Which file, under the session''s key';
CREATE INDEX session_lookup_session ON session_lookup (session_id);

CREATE TABLE session_lookup_outcome (
    lookup_id uuid PRIMARY KEY REFERENCES session_lookup (id),
    at        timestamptz NOT NULL,
    outcome   text NOT NULL
        CONSTRAINT session_lookup_outcome_known CHECK (outcome IN ('answered', 'no_such_file', 'failed', 'withheld'))
);
COMMENT ON TABLE session_lookup_outcome IS 'How each look went; none where the gateway died meanwhile';

-- A conversation that is over calls for nothing any more, whatever a process believes.
CREATE FUNCTION lookup_needs_an_open_session() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM chat_session WHERE id = NEW.session_id AND status = 'active' FOR SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the conversation is not open' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER open_session BEFORE INSERT ON session_lookup
    FOR EACH ROW EXECUTE FUNCTION lookup_needs_an_open_session();

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON session_lookup
    FOR EACH STATEMENT EXECUTE FUNCTION history_is_append_only();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON session_lookup_outcome
    FOR EACH STATEMENT EXECUTE FUNCTION history_is_append_only();
"""


def upgrade() -> None:
    execute_script(TABLES)
