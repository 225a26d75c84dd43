"""Requests, decisions with the rules they were made under, the accounting of disclosures, and release grants."""

from common.messaging.schema import AUDIT_V1, MESSAGING_V1
from common.migrations import execute_script

revision = "0001"
down_revision = None

SCRIPT = """
CREATE TABLE known_transcript (
    transcript_id uuid PRIMARY KEY,
    sealed_at     timestamptz NOT NULL
);
COMMENT ON TABLE known_transcript IS 'Transcripts that were heard to be sealed: nothing else can be disclosed';

CREATE TABLE rule_set (
    version       text PRIMARY KEY,
    document      text NOT NULL,
    first_used_at timestamptz NOT NULL
);
COMMENT ON TABLE rule_set IS 'The text of the rules under each version ever used, so that any decision can be replayed';

CREATE TABLE disclosure_request (
    id             uuid PRIMARY KEY,
    transcript_ids uuid[] NOT NULL CONSTRAINT asks_for_records CHECK (cardinality(transcript_ids) BETWEEN 1 AND 100),
    basis          text NOT NULL,
    recipient_kind text NOT NULL,
    purpose        text NOT NULL,
    facts          jsonb NOT NULL,
    door           text NOT NULL CHECK (door IN ('http', 'event')),
    requested_by   text NOT NULL CHECK (requested_by <> ''),
    requested_at   timestamptz NOT NULL,
    UNIQUE (id, requested_by)
);
COMMENT ON COLUMN disclosure_request.facts IS 'Coded facts; no free text and no number of a person';

CREATE TABLE decision (
    id           uuid PRIMARY KEY,
    request_id   uuid NOT NULL,
    requested_by text NOT NULL,
    decided_by   text NOT NULL CHECK (decided_by <> ''),
    outcome      text NOT NULL CHECK (outcome IN ('allow', 'deny', 'undecided')),
    rule_version text NOT NULL REFERENCES rule_set,
    facts        jsonb NOT NULL,
    sealed       uuid[] NOT NULL,
    steps        jsonb NOT NULL,
    missing      text[] NOT NULL,
    holds_until  date,
    decided_at   timestamptz NOT NULL,
    -- The copy of who asked cannot differ from the request, so the rule below cannot be got round.
    CONSTRAINT decides_a_request FOREIGN KEY (request_id, requested_by) REFERENCES disclosure_request (id, requested_by),
    CONSTRAINT who_asks_never_approves CHECK (decided_by <> requested_by),
    CONSTRAINT undecided_names_what_is_missing CHECK ((outcome = 'undecided') = (cardinality(missing) > 0)),
    UNIQUE (id, request_id, outcome)
);
CREATE INDEX decision_of_request ON decision (request_id, id);

CREATE TABLE accounting (
    id                uuid PRIMARY KEY,
    decision_id       uuid NOT NULL,
    request_id        uuid NOT NULL,
    outcome           text NOT NULL CONSTRAINT accounts_for_an_allowance CHECK (outcome = 'allow'),
    disclosed_at      timestamptz NOT NULL,
    nature            text NOT NULL CHECK (nature <> ''),
    basis             text NOT NULL,
    purpose           text NOT NULL CHECK (purpose <> ''),
    recipient_kind    text NOT NULL,
    recipient_name    text NOT NULL CHECK (btrim(recipient_name) <> ''),
    recipient_address text NOT NULL CHECK (btrim(recipient_address) <> ''),
    CONSTRAINT accounts_for_a_decision
        FOREIGN KEY (decision_id, request_id, outcome) REFERENCES decision (id, request_id, outcome),
    CONSTRAINT one_release_a_request UNIQUE (request_id),
    UNIQUE (id, decision_id)
);
COMMENT ON TABLE accounting IS
    '5 U.S.C. 552a(c)(1): date, nature, purpose, name and address of the recipient. The only place of those two values';

CREATE TABLE accounting_transcript (
    transcript_id uuid NOT NULL,
    accounting_id uuid NOT NULL REFERENCES accounting,
    PRIMARY KEY (transcript_id, accounting_id)
);
CREATE INDEX accounting_transcript_row ON accounting_transcript (accounting_id);

CREATE TABLE release_grant (
    id            uuid PRIMARY KEY,
    decision_id   uuid NOT NULL,
    accounting_id uuid NOT NULL,
    layer         text NOT NULL CHECK (layer <> ''),
    issued_at     timestamptz NOT NULL,
    expires_at    timestamptz NOT NULL,
    key_id        text NOT NULL,
    CONSTRAINT grant_is_accounted_for
        FOREIGN KEY (accounting_id, decision_id) REFERENCES accounting (id, decision_id),
    CONSTRAINT one_grant_a_decision UNIQUE (decision_id),
    CONSTRAINT grant_ends CHECK (expires_at > issued_at)
);
COMMENT ON TABLE release_grant IS
    'What was signed. Through its accounting row a grant hangs on an allow decision; the records are those of that row';

CREATE TABLE signing_key (
    id      text PRIMARY KEY,
    private text NOT NULL,
    made_at timestamptz NOT NULL
);
COMMENT ON TABLE signing_key IS 'Keys of the embedded profile; elsewhere the key is a file that the store never sees';

CREATE FUNCTION history_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%: rows are never changed or removed', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON rule_set
    FOR EACH STATEMENT EXECUTE FUNCTION history_is_append_only();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON disclosure_request
    FOR EACH STATEMENT EXECUTE FUNCTION history_is_append_only();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON decision
    FOR EACH STATEMENT EXECUTE FUNCTION history_is_append_only();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON accounting
    FOR EACH STATEMENT EXECUTE FUNCTION history_is_append_only();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON accounting_transcript
    FOR EACH STATEMENT EXECUTE FUNCTION history_is_append_only();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON release_grant
    FOR EACH STATEMENT EXECUTE FUNCTION history_is_append_only();

-- Looked at when the transaction ends, when everything that belongs together has to be there.
CREATE FUNCTION grant_covers_what_was_asked() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
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
CREATE CONSTRAINT TRIGGER covers_what_was_asked AFTER INSERT ON release_grant
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION grant_covers_what_was_asked();
CREATE CONSTRAINT TRIGGER covers_what_was_asked AFTER INSERT ON accounting_transcript
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION grant_covers_what_was_asked();
"""


def upgrade() -> None:
    execute_script(MESSAGING_V1)
    execute_script(AUDIT_V1)
    execute_script(SCRIPT)
