"""Notes among employees, and calls for help: both only grow."""

from common.migrations import execute_script

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TABLES = """
CREATE FUNCTION history_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is history: it can only be added to', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;

CREATE TABLE session_note (
    session_id     uuid NOT NULL REFERENCES chat_session (id),
    number         int  NOT NULL CONSTRAINT session_note_number CHECK (number >= 1),
    note_id        uuid NOT NULL,
    at             timestamptz NOT NULL,
    participant_id uuid NOT NULL,
    sealed         bytea NOT NULL,
    PRIMARY KEY (session_id, number),
    CONSTRAINT session_note_once UNIQUE (session_id, note_id)
);
COMMENT ON TABLE session_note IS 'Notes among employees: no entries of the session, in no event and no digest; no way leads from here to the public';
COMMENT ON COLUMN session_note.sealed IS 'Text and display name of who wrote it, under the session''s key';

CREATE TABLE duress_alarm (
    id         uuid PRIMARY KEY,
    at         timestamptz NOT NULL,
    agent      text NOT NULL CONSTRAINT duress_alarm_agent CHECK (agent <> ''),
    office     text NOT NULL,
    region     text NOT NULL,
    session_id uuid,
    cause      text NOT NULL,
    UNIQUE (id, agent)
);
COMMENT ON TABLE duress_alarm IS 'An employee called for help';
CREATE INDEX duress_alarm_newest ON duress_alarm (at);

CREATE TABLE duress_answer (
    alarm_id    uuid PRIMARY KEY,
    agent       text NOT NULL,
    at          timestamptz NOT NULL,
    answered_by text NOT NULL CONSTRAINT duress_answer_by CHECK (answered_by <> ''),
    CONSTRAINT answers_an_alarm FOREIGN KEY (alarm_id, agent) REFERENCES duress_alarm (id, agent),
    CONSTRAINT who_calls_never_answers CHECK (answered_by <> agent)
);
COMMENT ON TABLE duress_answer IS 'Who sees to a call for help: the first one who said so';

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON session_note
    FOR EACH STATEMENT EXECUTE FUNCTION history_is_append_only();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON duress_alarm
    FOR EACH STATEMENT EXECUTE FUNCTION history_is_append_only();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON duress_answer
    FOR EACH STATEMENT EXECUTE FUNCTION history_is_append_only();
"""


def upgrade() -> None:
    execute_script(TABLES)
