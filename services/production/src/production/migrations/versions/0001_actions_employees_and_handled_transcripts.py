"""Actions, handled transcripts, employees and the dated organisation chart; tables for events and the audit trail."""

from common.messaging.schema import AUDIT_V1, MESSAGING_V1
from common.migrations import execute_script

revision = "0001"
down_revision = None

# The rule of common.pii.ssn as it stood when these tables were made (a later change of the rule is a new migration).
SSN = (
    r"(?<![0-9])(?!000|666|9[0-9][0-9])[0-9][0-9][0-9][-._/\s][-._/\s]?[-._/\s]?(?!00)[0-9][0-9]"
    r"[-._/\s][-._/\s]?[-._/\s]?(?!0000)[0-9][0-9][0-9][0-9](?![0-9])"
    r"|(?:(?<![0-9A-Za-z])|(?<=[Ss][Ss][Nn]))(?<![^0-9A-Za-z]A[-#])(?<!^A[-#])(?<![0-9]\.)"
    r"(?!000|666|9[0-9][0-9])[0-9][0-9][0-9](?!00)[0-9][0-9](?!0000)[0-9][0-9][0-9][0-9](?![0-9A-Za-z])"
)
# What every number must look like at the least: spares most rows the slow rule.
PERHAPS = (
    r"(^|[^0-9])[0-9][0-9][0-9][-._/\s]?[-._/\s]?[-._/\s]?[0-9][0-9][-._/\s]?[-._/\s]?[-._/\s]?"
    r"[0-9][0-9][0-9][0-9]([^0-9]|$)"
)

TABLES = f"""
CREATE EXTENSION IF NOT EXISTS btree_gist;

CREATE FUNCTION holds_ssn(content text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN content ~ '{PERHAPS}' THEN content ~ '{SSN}' ELSE false END;
COMMENT ON FUNCTION holds_ssn IS 'The second wall (the first is production.ssn): S3 2.5, no social security number in here';

CREATE TABLE employee (
    id       uuid PRIMARY KEY,
    pin      text NOT NULL,
    revision int  NOT NULL DEFAULT 0,
    CONSTRAINT employee_pin_once UNIQUE (pin),
    CONSTRAINT employee_holds_no_ssn CHECK (NOT holds_ssn(pin))
);
COMMENT ON TABLE employee IS 'Whose work is measured: the PIN, and an id of our own that audit entries may name';
COMMENT ON COLUMN employee.revision IS 'Counts the changes of the assignments; the ETag of an edit';

CREATE TABLE assignment (
    id             uuid PRIMARY KEY,
    employee_id    uuid NOT NULL REFERENCES employee,
    office         text NOT NULL,
    region         text NOT NULL,
    supervisor_pin text,
    valid_from     date NOT NULL,
    valid_to       date,
    recorded_at    timestamptz NOT NULL,
    recorded_by    text NOT NULL,
    superseded_at  timestamptz,
    superseded_by  text,
    CONSTRAINT assignment_begins_before_it_ends CHECK (valid_to > valid_from),
    CONSTRAINT assignment_is_superseded_by_someone CHECK ((superseded_at IS NULL) = (superseded_by IS NULL)),
    CONSTRAINT assignment_one_at_a_time EXCLUDE USING gist
        (employee_id WITH =, daterange(valid_from, valid_to) WITH &&) WHERE (superseded_at IS NULL),
    CONSTRAINT assignment_holds_no_ssn CHECK
        (NOT holds_ssn(office || ' | ' || region || ' | ' || coalesce(supervisor_pin, '') || ' | ' || recorded_by))
);
COMMENT ON TABLE assignment IS 'Who belonged where, under whom, from which day on. Corrected rows stay, marked as superseded';
COMMENT ON COLUMN assignment.valid_to IS 'The first day on which it no longer holds; NULL: it still holds';
CREATE INDEX assignment_supervisor ON assignment (supervisor_pin, valid_from) WHERE superseded_at IS NULL;

CREATE TABLE action (
    action_id    uuid PRIMARY KEY,
    kind         text NOT NULL,
    form_type    text NOT NULL,
    hour_type    text NOT NULL,
    outcome      text NOT NULL,
    started_at   timestamptz NOT NULL,
    completed_at timestamptz NOT NULL,
    session_id   uuid,
    office       text NOT NULL,
    region       text NOT NULL,
    employee_pin text NOT NULL,
    case_number  text NOT NULL,
    source       text NOT NULL,
    CONSTRAINT action_kind_is_known CHECK (kind IN
        ('chat_handled', 'case_adjudicated', 'case_reviewed', 'interview', 'fingerprint_check', 'other')),
    CONSTRAINT action_starts_before_it_ends CHECK (completed_at >= started_at),
    CONSTRAINT action_holds_no_ssn CHECK (NOT holds_ssn(form_type || ' | ' || hour_type || ' | ' || outcome || ' | '
        || office || ' | ' || region || ' | ' || employee_pin || ' | ' || case_number || ' | ' || source))
);
COMMENT ON TABLE action IS 'One finished piece of work on one case or chat';
COMMENT ON COLUMN action.source IS 'Which system reported it';
CREATE INDEX action_of_employee ON action (employee_pin, completed_at);

CREATE TABLE handled_transcript (
    transcript_id uuid PRIMARY KEY,
    session_id    uuid NOT NULL,
    opened_at     timestamptz NOT NULL,
    closed_at     timestamptz NOT NULL,
    message_count int NOT NULL,
    CONSTRAINT handled_transcript_one_a_session UNIQUE (session_id),
    CONSTRAINT handled_transcript_opens_before_it_closes CHECK (closed_at >= opened_at)
);
COMMENT ON TABLE handled_transcript IS 'What a report needs to know of a sealed transcript: times and the number of messages';
"""


def upgrade() -> None:
    execute_script(MESSAGING_V1 + AUDIT_V1 + TABLES)
