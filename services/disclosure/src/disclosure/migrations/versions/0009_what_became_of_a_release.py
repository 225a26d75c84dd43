"""What became of each release; releases that the law does not account for; notices to persons and to prior recipients."""

from common.migrations import execute_script

revision = "0009"
down_revision = "0008"

SCRIPT = """
ALTER TABLE disclosure_request ADD CONSTRAINT request_has_a_basis UNIQUE (id, basis);

ALTER TABLE release_grant DISABLE TRIGGER append_only;
ALTER TABLE release_grant ADD COLUMN request_id uuid, ADD COLUMN basis text, ADD COLUMN outcome text NOT NULL DEFAULT 'allow',
    ADD COLUMN holder text NOT NULL DEFAULT 'transcripts';
UPDATE release_grant AS g SET request_id = a.request_id, basis = a.basis FROM accounting AS a WHERE a.id = g.accounting_id;
UPDATE release_grant SET holder = 'production' WHERE basis LIKE 'all-019.%';
ALTER TABLE release_grant ENABLE TRIGGER append_only;
ALTER TABLE release_grant
    ALTER COLUMN request_id SET NOT NULL, ALTER COLUMN basis SET NOT NULL, ALTER COLUMN accounting_id DROP NOT NULL,
    ALTER COLUMN outcome DROP DEFAULT, ALTER COLUMN holder DROP DEFAULT,
    ADD CONSTRAINT grant_is_for_what_was_asked FOREIGN KEY (request_id, basis) REFERENCES disclosure_request (id, basis),
    ADD CONSTRAINT grant_follows_an_allowance CHECK (outcome = 'allow'),
    ADD CONSTRAINT grant_hangs_on_its_decision
        FOREIGN KEY (decision_id, request_id, outcome) REFERENCES decision (id, request_id, outcome),
    -- 5 U.S.C. 552a(c)(1): of what leaves the agency, only what (b)(2) compels is not accounted for.
    ADD CONSTRAINT what_leaves_is_accounted_for CHECK (accounting_id IS NOT NULL OR basis = 'b2'),
    ADD CONSTRAINT one_grant_a_request UNIQUE (request_id),
    ADD CONSTRAINT one_grant_an_accounting UNIQUE (accounting_id);
COMMENT ON COLUMN release_grant.holder IS 'The service that holds the records and takes the grant';

CREATE OR REPLACE FUNCTION grant_covers_what_was_asked() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.accounting_id IS NULL THEN
        RETURN NULL;
    END IF;
    IF (SELECT array_agg(t.transcript_id ORDER BY t.transcript_id)
        FROM accounting_transcript t WHERE t.accounting_id = NEW.accounting_id)
       IS DISTINCT FROM
       (SELECT array_agg(DISTINCT asked.transcript_id ORDER BY asked.transcript_id)
        FROM accounting a JOIN disclosure_request r ON r.id = a.request_id, unnest(r.transcript_ids) AS asked (transcript_id)
        WHERE a.id = NEW.accounting_id)
    THEN
        RAISE EXCEPTION 'release_grant: the accounting does not name the records that were decided on'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END $$;

CREATE TABLE release_outcome (
    grant_id   uuid PRIMARY KEY REFERENCES release_grant,
    outcome    text NOT NULL CHECK (outcome IN ('released', 'refused', 'expired')),
    reason     text NOT NULL,
    copies     jsonb NOT NULL,
    settled_at timestamptz NOT NULL,
    heard_at   timestamptz NOT NULL,
    CONSTRAINT a_release_has_copies_and_nothing_else_has CHECK ((outcome = 'released') = (jsonb_array_length(copies) > 0)),
    CONSTRAINT a_refusal_says_why CHECK ((outcome = 'refused') = (reason <> ''))
);
COMMENT ON TABLE release_outcome IS 'What became of each grant: once, and for all. No row yet: it can still be used, or word is on its way';
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON release_outcome
    FOR EACH STATEMENT EXECUTE FUNCTION history_is_append_only();

CREATE TABLE outgoing_notice (
    id             uuid PRIMARY KEY,
    kind           text NOT NULL CHECK (kind IN ('health-or-safety', 'correction', 'disagreement')),
    accounting_id  uuid NOT NULL REFERENCES accounting,
    cause_id       uuid NOT NULL,
    stage          text NOT NULL CHECK (stage IN ('release', 'initial', 'review', 'statement')),
    records        uuid[] NOT NULL CHECK (cardinality(records) > 0),
    address        bytea,
    state          text NOT NULL CHECK (state IN ('due', 'sent', 'received', 'moot')),
    made_at        timestamptz NOT NULL,
    due_on         date NOT NULL,
    sent_on        date,
    sent_by        text,
    channel        text,
    sent_record    text,
    letter         bytea,
    reminders      int NOT NULL DEFAULT 0 CHECK (reminders >= 0),
    received_on    date,
    receipt_record text,
    CONSTRAINT told_once UNIQUE (accounting_id, cause_id, stage),
    CONSTRAINT the_person_has_an_address CHECK ((kind = 'health-or-safety') = (address IS NOT NULL)),
    CONSTRAINT what_was_sent_is_kept CHECK (
        (state IN ('sent', 'received')) = (sent_on IS NOT NULL) AND (sent_on IS NULL) = (letter IS NULL)
        AND (sent_on IS NULL) = (sent_by IS NULL) AND (sent_on IS NULL) = (channel IS NULL)
        AND (sent_on IS NULL) = (sent_record IS NULL)),
    CONSTRAINT a_receipt_is_on_file CHECK (
        (state = 'received') = (received_on IS NOT NULL) AND (received_on IS NULL) = (receipt_record IS NULL)
        AND (received_on IS NULL OR received_on >= sent_on))
);
CREATE INDEX outgoing_notice_open ON outgoing_notice (due_on) WHERE state IN ('due', 'sent');
CREATE INDEX outgoing_notice_accounting ON outgoing_notice (accounting_id);
COMMENT ON TABLE outgoing_notice IS
    'Whom the law wants told: the person of a disclosure for health or safety (552a(b)(8)), and those to whom a record went before it was corrected or disputed (552a(c)(4), (d)(4))';
COMMENT ON COLUMN outgoing_notice.address IS 'Sealed: the last known address of the person. A recipient''s stands in the accounting';
COMMENT ON COLUMN outgoing_notice.letter IS 'Sealed: what was sent, as it was sent';
CREATE TRIGGER never_removed BEFORE DELETE OR TRUNCATE ON outgoing_notice
    FOR EACH STATEMENT EXECUTE FUNCTION history_is_append_only();

-- Looked at when the transaction ends: no disclosure for health or safety without its notice (552a(b)(8)).
CREATE FUNCTION the_person_is_told() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM outgoing_notice WHERE accounting_id = NEW.id AND kind = 'health-or-safety') THEN
        RAISE EXCEPTION 'accounting: no notice goes to the last known address' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER person_is_told AFTER INSERT ON accounting
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.basis = 'b8') EXECUTE FUNCTION the_person_is_told();
"""


def upgrade() -> None:
    execute_script(SCRIPT)
