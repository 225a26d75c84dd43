"""Requests of individuals: what they ask, who they proved to be, each act, its clocks, decisions, reviews and disputes."""

from common.migrations import execute_script
from common.protection.service_keys import SERVICE_KEY_V1

revision = "0003"
down_revision = "0002"

SCRIPT = SERVICE_KEY_V1 + """
CREATE TABLE individual_request (
    id              uuid PRIMARY KEY,
    kind            text NOT NULL CHECK (kind IN ('notification', 'access', 'amendment')),
    system          text NOT NULL,
    channel         text NOT NULL,
    capacity        text NOT NULL,
    subject         text NOT NULL,
    sensitivity     text NOT NULL,
    aim             text NOT NULL,
    codes           jsonb NOT NULL,
    records         uuid[] NOT NULL,
    account         bytea,
    person          bytea NOT NULL,
    matter          bytea NOT NULL,
    state           text NOT NULL,
    received_on     date NOT NULL,
    taken_by        text NOT NULL CHECK (taken_by <> ''),
    taken_at        timestamptz NOT NULL,
    acknowledged_on date,
    rerouted_to     text,
    searched        uuid[] NOT NULL DEFAULT '{}',
    CONSTRAINT acknowledged_after_receipt CHECK (acknowledged_on >= received_on),
    CONSTRAINT what_is_rerouted_says_where CHECK ((state = 'rerouted') = (rerouted_to IS NOT NULL))
);
CREATE INDEX individual_request_account ON individual_request (account, id) WHERE account IS NOT NULL;
CREATE INDEX individual_request_state ON individual_request (state, id);
COMMENT ON COLUMN individual_request.account IS 'Blind index of the account that asked; NULL: nobody was signed in';
COMMENT ON COLUMN individual_request.searched IS 'Records that were searched for what is about other people';
COMMENT ON COLUMN individual_request.person IS 'Sealed: names, addresses and particulars as they were given';
COMMENT ON COLUMN individual_request.matter IS 'Sealed: what the person wrote about their record';

CREATE TABLE individual_identity (
    id            uuid PRIMARY KEY,
    request_id    uuid NOT NULL REFERENCES individual_request,
    verified      boolean NOT NULL,
    channel       text NOT NULL,
    way           text NOT NULL,
    facts         jsonb NOT NULL,
    missing       text[] NOT NULL,
    note          text NOT NULL,
    table_version text NOT NULL,
    judged_by     text NOT NULL,
    judged_at     timestamptz NOT NULL,
    CONSTRAINT verified_lacks_nothing CHECK (NOT verified OR cardinality(missing) = 0),
    UNIQUE (id, request_id, verified)
);
CREATE INDEX individual_identity_request ON individual_identity (request_id, id);
COMMENT ON TABLE individual_identity IS 'What the identity gate answered, on which coded facts, under which version of its table';

CREATE TABLE individual_step (
    request_id uuid NOT NULL REFERENCES individual_request,
    seq        int  NOT NULL CHECK (seq > 0),
    act        text NOT NULL,
    from_state text NOT NULL,
    to_state   text NOT NULL,
    actor      text NOT NULL CHECK (actor <> ''),
    at         timestamptz NOT NULL,
    codes      jsonb NOT NULL,
    letter     bytea,
    PRIMARY KEY (request_id, seq)
);
COMMENT ON COLUMN individual_step.letter IS 'Sealed: what was written to the person';

CREATE TABLE individual_clock (
    request_id   uuid NOT NULL REFERENCES individual_request,
    name         text NOT NULL CHECK (name IN ('acknowledge', 'review', 'extension', 'promised')),
    started_on   date NOT NULL,
    due_on       date NOT NULL,
    working_days int,
    authority    text NOT NULL,
    skipped      jsonb NOT NULL,
    met_on       date,
    PRIMARY KEY (request_id, name, started_on)
);
CREATE INDEX individual_clock_running ON individual_clock (due_on) WHERE met_on IS NULL;
COMMENT ON COLUMN individual_clock.skipped IS 'The proof of the count: each day left out, and the law that says so';

CREATE TABLE individual_decision (
    id               uuid PRIMARY KEY,
    request_id       uuid NOT NULL REFERENCES individual_request,
    stage            text NOT NULL CHECK (stage IN ('initial', 'review')),
    outcome          text NOT NULL CHECK (outcome IN ('granted', 'granted-in-part', 'refused')),
    found            boolean NOT NULL,
    grounds          text[] NOT NULL,
    bases            jsonb NOT NULL,
    reason           bytea,
    review_procedure text NOT NULL,
    official_name    text NOT NULL,
    official_address text NOT NULL,
    judicial_review_told boolean NOT NULL,
    records          uuid[] NOT NULL,
    decided_by       text NOT NULL CHECK (decided_by <> ''),
    decided_at       timestamptz NOT NULL,
    identity_id      uuid NOT NULL,
    verified         boolean NOT NULL,
    initial_stage    text,
    initial_by       text,
    -- No path goes round the identity gate: a decision hangs on an answer of the gate, and that answer is yes.
    CONSTRAINT identity_is_proved CHECK (verified),
    CONSTRAINT passed_the_gate FOREIGN KEY (identity_id, request_id, verified)
        REFERENCES individual_identity (id, request_id, verified),
    -- 5 U.S.C. 552a(d)(2)(B)(ii), (d)(3)
    CONSTRAINT a_refusal_says_why CHECK (outcome = 'granted' OR (cardinality(grounds) > 0 AND reason IS NOT NULL)),
    CONSTRAINT a_refusal_names_who_reviews CHECK (outcome = 'granted' OR stage = 'review' OR
        (btrim(review_procedure) <> '' AND btrim(official_name) <> '' AND btrim(official_address) <> '')),
    CONSTRAINT a_final_refusal_tells_of_judicial_review CHECK (outcome = 'granted' OR stage = 'initial' OR judicial_review_told),
    -- Who refused does not review. The copy of who decided first cannot differ from that decision.
    CONSTRAINT a_review_follows_a_decision CHECK ((stage = 'review') = (initial_by IS NOT NULL)
        AND (initial_stage IS NULL) = (initial_by IS NULL) AND initial_stage IS DISTINCT FROM 'review'),
    CONSTRAINT reviews_that_decision FOREIGN KEY (request_id, initial_stage, initial_by)
        REFERENCES individual_decision (request_id, stage, decided_by),
    CONSTRAINT who_refused_does_not_review CHECK (initial_by IS DISTINCT FROM decided_by),
    CONSTRAINT one_decision_a_stage UNIQUE (request_id, stage),
    UNIQUE (request_id, stage, decided_by)
);
COMMENT ON COLUMN individual_decision.reason IS 'Sealed: the reason as it was written to the person';

CREATE TABLE individual_redaction (
    id            uuid PRIMARY KEY,
    request_id    uuid NOT NULL REFERENCES individual_request,
    transcript_id uuid NOT NULL,
    entry_seq     int  NOT NULL,
    span_start    int  NOT NULL,
    span_end      int  NOT NULL CHECK (span_end > span_start AND span_start >= 0),
    kind          text NOT NULL,
    proposed_at   timestamptz NOT NULL,
    decision      text CHECK (decision IN ('redact', 'keep')),
    decided_by    text,
    decided_at    timestamptz,
    reason        text NOT NULL DEFAULT '',
    CONSTRAINT decided_by_somebody CHECK ((decision IS NULL) = (decided_by IS NULL) AND (decision IS NULL) = (decided_at IS NULL)),
    CONSTRAINT keeping_needs_a_reason CHECK (decision IS DISTINCT FROM 'keep' OR reason <> ''),
    UNIQUE (request_id, transcript_id, entry_seq, span_start, span_end)
);
COMMENT ON TABLE individual_redaction IS 'What of a person''s own record is about somebody else, by place; never what it says';

CREATE TABLE record_dispute (
    record_id   uuid NOT NULL,
    request_id  uuid NOT NULL REFERENCES individual_request,
    filed_on    date NOT NULL,
    portion     bytea NOT NULL,
    statement   bytea NOT NULL,
    answer      bytea,
    PRIMARY KEY (record_id, request_id)
);
COMMENT ON TABLE record_dispute IS '5 U.S.C. 552a(d)(4): disputed portions, statements of disagreement, the agency''s reasons; all sealed';

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON individual_identity
    FOR EACH STATEMENT EXECUTE FUNCTION history_is_append_only();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON individual_step
    FOR EACH STATEMENT EXECUTE FUNCTION history_is_append_only();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON individual_decision
    FOR EACH STATEMENT EXECUTE FUNCTION history_is_append_only();

-- The steps are a chain: each begins where the one before it ended.
CREATE FUNCTION steps_are_a_chain() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    before_seq int := 0;
    before_state text := '';
BEGIN
    SELECT seq, to_state INTO before_seq, before_state FROM individual_step
        WHERE request_id = NEW.request_id ORDER BY seq DESC LIMIT 1;
    IF NEW.seq <> coalesce(before_seq, 0) + 1 OR NEW.from_state <> coalesce(before_state, '') THEN
        RAISE EXCEPTION 'individual_step: does not begin where the step before it ended' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER chained BEFORE INSERT ON individual_step FOR EACH ROW EXECUTE FUNCTION steps_are_a_chain();

-- Looked at when the transaction ends: a state to which no step led is none.
CREATE FUNCTION state_is_that_of_the_last_step() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    looked_at uuid := coalesce(to_jsonb(NEW) ->> 'request_id', to_jsonb(NEW) ->> 'id')::uuid;
BEGIN
    IF (SELECT state FROM individual_request WHERE id = looked_at) IS DISTINCT FROM
       (SELECT to_state FROM individual_step WHERE request_id = looked_at ORDER BY seq DESC LIMIT 1)
    THEN
        RAISE EXCEPTION 'individual_request: no step led to this state' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER led_to_by_a_step AFTER INSERT OR UPDATE ON individual_request
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION state_is_that_of_the_last_step();
CREATE CONSTRAINT TRIGGER leads_to_the_state AFTER INSERT ON individual_step
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION state_is_that_of_the_last_step();

CREATE FUNCTION receipt_is_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.kind, NEW.received_on, NEW.taken_by, NEW.taken_at, NEW.account)
       IS DISTINCT FROM (OLD.kind, OLD.received_on, OLD.taken_by, OLD.taken_at, OLD.account) THEN
        RAISE EXCEPTION 'individual_request: what was received, when and from whom never changes'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER receipt_kept BEFORE UPDATE ON individual_request FOR EACH ROW EXECUTE FUNCTION receipt_is_kept();
CREATE TRIGGER never_removed BEFORE DELETE OR TRUNCATE ON individual_request
    FOR EACH STATEMENT EXECUTE FUNCTION history_is_append_only();
CREATE FUNCTION statement_is_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.record_id, NEW.request_id, NEW.filed_on) IS DISTINCT FROM (OLD.record_id, OLD.request_id, OLD.filed_on) THEN
        RAISE EXCEPTION 'record_dispute: a statement stays with its record' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER statement_kept BEFORE UPDATE ON record_dispute FOR EACH ROW EXECUTE FUNCTION statement_is_kept();
CREATE TRIGGER never_removed BEFORE DELETE OR TRUNCATE ON record_dispute
    FOR EACH STATEMENT EXECUTE FUNCTION history_is_append_only();
"""


def upgrade() -> None:
    execute_script(SCRIPT)
