"""Answers in versions with their approvals and uses, and the register of authorities to act for somebody."""

from common.migrations import execute_script

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

TABLES = """
ALTER TABLE participant DROP CONSTRAINT participant_employee;
ALTER TABLE participant ADD CONSTRAINT participant_employee
    CHECK (role IN ('customer', 'representative') OR (office <> '' AND region <> ''));

-- A session does not become active because a representative comes in: `append_entries` looks at the public's roles alike.
DO $do$
DECLARE
    before text := pg_get_functiondef('append_entries'::regproc);
    after  text := replace(before, $$j.role <> 'customer'$$, $$j.role NOT IN ('customer', 'representative')$$);
BEGIN
    IF before = after THEN
        RAISE EXCEPTION 'append_entries is not as this migration knows it';
    END IF;
    EXECUTE after;
END $do$;

CREATE TABLE canned_answer (
    answer      text NOT NULL CONSTRAINT canned_answer_code CHECK (answer ~ '^[a-z][a-z0-9-]{1,39}$'),
    version     int  NOT NULL CONSTRAINT canned_answer_version CHECK (version >= 1),
    language    text NOT NULL,
    topic       text,
    citation    text NOT NULL CONSTRAINT canned_answer_citation CHECK (citation <> ''),
    text        text NOT NULL CONSTRAINT canned_answer_text CHECK (text <> ''),
    valid_from  date NOT NULL,
    valid_until date,
    written_by  text NOT NULL,
    written_at  timestamptz NOT NULL,
    PRIMARY KEY (answer, version),
    UNIQUE (answer, version, written_by),
    CONSTRAINT canned_answer_window CHECK (valid_until IS NULL OR valid_until >= valid_from)
);
COMMENT ON TABLE canned_answer IS 'Answers that employees send, in versions that never change';

CREATE TABLE canned_answer_mark (
    answer     text NOT NULL,
    version    int  NOT NULL,
    written_by text NOT NULL,
    mark       text NOT NULL CONSTRAINT canned_answer_mark_said CHECK (mark IN ('approved', 'ended')),
    on_day     date NOT NULL,
    marked_by  text NOT NULL,
    marked_at  timestamptz NOT NULL,
    PRIMARY KEY (answer, version, mark),
    CONSTRAINT marks_a_version FOREIGN KEY (answer, version, written_by) REFERENCES canned_answer (answer, version, written_by),
    CONSTRAINT who_writes_never_approves CHECK (mark <> 'approved' OR marked_by <> written_by)
);
COMMENT ON TABLE canned_answer_mark IS 'That a version was approved by somebody else than its author, or ended';

CREATE TABLE answer_use (
    position   bigint GENERATED ALWAYS AS IDENTITY,
    session_id uuid NOT NULL,
    entry_id   uuid NOT NULL,
    answer     text NOT NULL,
    version    int  NOT NULL,
    at         timestamptz NOT NULL,
    PRIMARY KEY (session_id, entry_id)
);
COMMENT ON TABLE answer_use IS 'Which version was sent in which session; it counts where the entry is there too';
CREATE INDEX answer_use_version ON answer_use (answer, version, position);

CREATE TABLE authority (
    id          uuid PRIMARY KEY,
    kind        text NOT NULL,
    key_id      uuid NOT NULL,
    sealed      bytea NOT NULL,
    proof       text NOT NULL CONSTRAINT authority_proof CHECK (proof <> ''),
    valid_from  date NOT NULL,
    valid_until date,
    entered_by  text NOT NULL,
    entered_at  timestamptz NOT NULL,
    UNIQUE (id, entered_by),
    CONSTRAINT authority_window CHECK (valid_until IS NULL OR valid_until >= valid_from)
);
COMMENT ON TABLE authority IS 'Who may act for whom in a conversation, by which proof; both accounts under a key of the entry''s own';

CREATE TABLE authority_mark (
    authority_id uuid NOT NULL,
    entered_by   text NOT NULL,
    mark         text NOT NULL CONSTRAINT authority_mark_said CHECK (mark IN ('approved', 'ended')),
    on_day       date NOT NULL,
    marked_by    text NOT NULL,
    marked_at    timestamptz NOT NULL,
    PRIMARY KEY (authority_id, mark),
    CONSTRAINT marks_an_authority FOREIGN KEY (authority_id, entered_by) REFERENCES authority (id, entered_by),
    CONSTRAINT who_enters_never_approves CHECK (mark <> 'approved' OR marked_by <> entered_by)
);
COMMENT ON TABLE authority_mark IS 'That an authority was checked by somebody else than who entered it, or ended';

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON canned_answer
    FOR EACH STATEMENT EXECUTE FUNCTION history_is_append_only();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON canned_answer_mark
    FOR EACH STATEMENT EXECUTE FUNCTION history_is_append_only();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON answer_use
    FOR EACH STATEMENT EXECUTE FUNCTION history_is_append_only();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON authority
    FOR EACH STATEMENT EXECUTE FUNCTION history_is_append_only();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON authority_mark
    FOR EACH STATEMENT EXECUTE FUNCTION history_is_append_only();
"""


def upgrade() -> None:
    execute_script(TABLES)
