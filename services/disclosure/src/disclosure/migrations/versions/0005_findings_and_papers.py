"""Signed findings, the register of agreements and consents, and lines with tax return information."""

from common.migrations import execute_script

revision = "0005"
down_revision = "0004"

SCRIPT = """
ALTER TABLE decision ADD COLUMN tax_spans jsonb NOT NULL DEFAULT '[]';
COMMENT ON COLUMN decision.tax_spans IS 'Lines with tax return information, and what permits each to go: 26 U.S.C. 6103';

CREATE TABLE finding (
    id           uuid PRIMARY KEY,
    request_id   uuid NOT NULL,
    requested_by text NOT NULL,
    finding      text NOT NULL CHECK (finding <> ''),
    found        boolean NOT NULL,
    record       text NOT NULL CHECK (record <> ''),
    found_by     text NOT NULL CHECK (found_by <> ''),
    role         text NOT NULL CHECK (role <> ''),
    found_at     timestamptz NOT NULL,
    signature    text NOT NULL CHECK (signature <> ''),
    CONSTRAINT finds_for_a_request FOREIGN KEY (request_id, requested_by) REFERENCES disclosure_request (id, requested_by),
    CONSTRAINT who_asks_never_finds CHECK (found_by <> requested_by)
);
CREATE INDEX finding_of_request ON finding (request_id, finding, id);
COMMENT ON TABLE finding IS 'What an official found for one request and no other; the latest of a kind counts';

CREATE TABLE paper (
    id         uuid PRIMARY KEY,
    kind       text NOT NULL CHECK (kind IN ('agreement', 'consent')),
    reference  text NOT NULL CHECK (reference <> ''),
    terms      jsonb NOT NULL,
    entered_by text NOT NULL CHECK (entered_by <> ''),
    entered_at timestamptz NOT NULL,
    CONSTRAINT one_paper_a_mark UNIQUE (kind, reference),
    UNIQUE (id, entered_by)
);
COMMENT ON TABLE paper IS 'Register of agreements and consents: coded terms, no name and no text of the paper';

CREATE TABLE paper_mark (
    paper_id   uuid NOT NULL,
    mark       text NOT NULL CHECK (mark IN ('approved', 'ended')),
    entered_by text NOT NULL,
    on_day     date NOT NULL,
    record     text NOT NULL CHECK (record <> ''),
    marked_by  text NOT NULL CHECK (marked_by <> ''),
    marked_at  timestamptz NOT NULL,
    CONSTRAINT said_once PRIMARY KEY (paper_id, mark),
    CONSTRAINT marks_a_paper FOREIGN KEY (paper_id, entered_by) REFERENCES paper (id, entered_by),
    CONSTRAINT who_enters_never_approves CHECK (mark <> 'approved' OR marked_by <> entered_by)
);

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON finding
    FOR EACH STATEMENT EXECUTE FUNCTION history_is_append_only();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON paper
    FOR EACH STATEMENT EXECUTE FUNCTION history_is_append_only();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON paper_mark
    FOR EACH STATEMENT EXECUTE FUNCTION history_is_append_only();
"""


def upgrade() -> None:
    execute_script(SCRIPT)
