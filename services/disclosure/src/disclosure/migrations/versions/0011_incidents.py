"""Incidents: what got out of whom, who was told, what was asked back, how grave it is, and how it ended."""

from common.migrations import execute_script

revision = "0011"
down_revision = "0010"

SCRIPT = """
CREATE TABLE incident (
    id               uuid PRIMARY KEY,
    trigger          text NOT NULL CHECK (trigger <> ''),
    certainty        text NOT NULL CHECK (certainty IN ('suspected', 'confirmed')),
    office           text NOT NULL,
    region           text NOT NULL,
    package_id       uuid REFERENCES package_manifest,
    medium_id        uuid REFERENCES medium,
    audit_service    text NOT NULL,
    audit_entry      text NOT NULL,
    records          uuid[] NOT NULL,
    people_estimated int NOT NULL CHECK (people_estimated >= 0),
    encrypted        boolean NOT NULL,
    occurred_at      timestamptz,
    detected_at      timestamptz NOT NULL,
    district_due_at  timestamptz NOT NULL CHECK (district_due_at > detected_at),
    alarmed_at       timestamptz,
    story            bytea NOT NULL,
    state            text NOT NULL,
    opened_by        text NOT NULL CHECK (opened_by <> ''),
    opened_at        timestamptz NOT NULL,
    CONSTRAINT happened_before_it_was_found CHECK (occurred_at <= detected_at),
    CONSTRAINT rests_on_something CHECK (package_id IS NOT NULL OR medium_id IS NOT NULL OR audit_entry <> ''
        OR cardinality(records) > 0),
    UNIQUE (id, opened_by)
);
CREATE INDEX incident_state ON incident (state, id);
CREATE INDEX incident_waits ON incident (district_due_at) WHERE state = 'detected';
COMMENT ON COLUMN incident.story IS 'Sealed: what happened and how it came to light';

CREATE TABLE incident_person (
    incident_id uuid NOT NULL REFERENCES incident,
    person_id   uuid NOT NULL REFERENCES package_person,
    kinds       text[] NOT NULL CHECK (cardinality(kinds) > 0),
    protected   text[] NOT NULL,
    PRIMARY KEY (incident_id, person_id)
);
COMMENT ON TABLE incident_person IS 'Exactly whose data of which kind were in what got out; never what they say';

CREATE TABLE recapture (
    id                uuid PRIMARY KEY,
    incident_id       uuid NOT NULL,
    opened_by         text NOT NULL,
    office            text NOT NULL,
    region            text NOT NULL,
    method            text NOT NULL CHECK (method IN ('telephone', 'registered-mail')),
    registered_number text NOT NULL,
    envelope_offered  boolean NOT NULL CHECK (envelope_offered),
    return_to         text NOT NULL CHECK (return_to = 'district-office'),
    holder            bytea NOT NULL,
    state             text NOT NULL,
    asked_by          text NOT NULL CHECK (asked_by <> ''),
    asked_at          timestamptz NOT NULL,
    signed_off_by     text,
    advice            bytea,
    advised_by        text,
    CONSTRAINT of_an_incident FOREIGN KEY (incident_id, opened_by) REFERENCES incident (id, opened_by),
    CONSTRAINT registered_mail_has_a_number CHECK (method = 'telephone' OR registered_number <> ''),
    CONSTRAINT who_reports_or_asks_never_signs_off CHECK (signed_off_by IS DISTINCT FROM opened_by
        AND signed_off_by IS DISTINCT FROM asked_by),
    CONSTRAINT the_national_office_comes_after_the_region CHECK (state NOT IN ('signed-off', 'escalated', 'advised', 'given-up')
        OR signed_off_by IS NOT NULL),
    CONSTRAINT goes_on_after_advice CHECK (state NOT IN ('advised', 'given-up') OR (advice IS NOT NULL AND advised_by IS NOT NULL)),
    UNIQUE (id, incident_id)
);
CREATE INDEX recapture_office ON recapture (office, id);
CREATE INDEX recapture_incident ON recapture (incident_id, id);
COMMENT ON COLUMN recapture.holder IS 'Sealed: who has it, and how they are reached';
COMMENT ON COLUMN recapture.advice IS 'Sealed: what the National Office said is to be done';

CREATE TABLE incident_document (
    id           uuid PRIMARY KEY,
    incident_id  uuid NOT NULL REFERENCES incident,
    item_id      uuid REFERENCES package_item,
    reference    text NOT NULL CHECK (reference <> ''),
    stands       text NOT NULL CHECK (stands IN ('out', 'refiled', 'destroyed', 'given-up')),
    recapture_id uuid,
    CONSTRAINT asked_for_in_the_same_incident FOREIGN KEY (recapture_id, incident_id) REFERENCES recapture (id, incident_id),
    CONSTRAINT what_is_back_was_asked_for CHECK (stands = 'out' OR recapture_id IS NOT NULL)
);
CREATE INDEX incident_document_incident ON incident_document (incident_id, id);

CREATE TABLE incident_assessment (
    id          uuid PRIMARY KEY,
    incident_id uuid NOT NULL REFERENCES incident,
    answers     jsonb NOT NULL,
    points      jsonb NOT NULL,
    weighed     text NOT NULL CHECK (weighed IN ('low', 'moderate', 'high')),
    level       text NOT NULL CHECK (level IN ('low', 'moderate', 'high')),
    harm        text NOT NULL,
    reasons     bytea NOT NULL,
    assessed_by text NOT NULL CHECK (assessed_by <> ''),
    assessed_at timestamptz NOT NULL,
    CONSTRAINT never_lower_than_weighed CHECK (level = weighed OR level = 'high' OR weighed = 'low')
);
CREATE INDEX incident_assessment_incident ON incident_assessment (incident_id, id);
COMMENT ON COLUMN incident_assessment.reasons IS 'Sealed: the reason for each factor, in words';

CREATE TABLE incident_notification (
    incident_id uuid NOT NULL,
    person_id   uuid NOT NULL,
    outcome     text NOT NULL CHECK (outcome IN ('sent', 'not-needed', 'delayed')),
    means       text NOT NULL,
    reason      text NOT NULL,
    reference   text NOT NULL,
    letter      bytea,
    decided_by  text NOT NULL CHECK (decided_by <> ''),
    decided_at  timestamptz NOT NULL,
    PRIMARY KEY (incident_id, person_id, outcome),
    CONSTRAINT of_somebody_affected FOREIGN KEY (incident_id, person_id) REFERENCES incident_person (incident_id, person_id),
    CONSTRAINT what_is_sent_is_kept CHECK ((outcome = 'sent') = (letter IS NOT NULL)),
    CONSTRAINT who_is_not_told_for_a_reason CHECK (outcome = 'sent' OR (reason <> '' AND reference <> ''))
);
COMMENT ON COLUMN incident_notification.letter IS 'Sealed: what was written to the person';

CREATE TABLE incident_disclosure (
    request_id  uuid PRIMARY KEY REFERENCES disclosure_request,
    incident_id uuid NOT NULL REFERENCES incident,
    basis       text NOT NULL CHECK (basis IN ('routine-use-8', 'routine-use-9')),
    drafted_by  text NOT NULL CHECK (drafted_by <> ''),
    drafted_at  timestamptz NOT NULL
);
COMMENT ON TABLE incident_disclosure IS 'Requests that were drafted from an incident; they are decided and accounted for as all are';

CREATE TABLE incident_report (
    incident_id        uuid PRIMARY KEY REFERENCES incident,
    reference          text NOT NULL CHECK (reference <> ''),
    congress_reference text NOT NULL,
    kinds              text[] NOT NULL CHECK (cardinality(kinds) > 0),
    told               bytea NOT NULL,
    reported_by        text NOT NULL CHECK (reported_by <> ''),
    reported_at        timestamptz NOT NULL
);
COMMENT ON COLUMN incident_report.told IS 'Sealed: circumstances, how it was discovered, what was done to get it back';

CREATE TABLE incident_closing (
    incident_id uuid PRIMARY KEY REFERENCES incident_report,
    opened_by   text NOT NULL,
    told        bytea NOT NULL,
    filed_as    text NOT NULL CHECK (filed_as <> ''),
    closed_by   text NOT NULL CHECK (closed_by <> ''),
    closed_at   timestamptz NOT NULL,
    CONSTRAINT closes_an_incident FOREIGN KEY (incident_id, opened_by) REFERENCES incident (id, opened_by),
    CONSTRAINT who_reports_never_closes CHECK (closed_by <> opened_by)
);
COMMENT ON COLUMN incident_closing.told IS 'Sealed: how the recovery ended';

-- Closed is what a closing closed, and nothing of it may be out then.
CREATE FUNCTION incident_is_closed_when_nothing_is_out() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.state IN ('closed', 'closed-unrecovered') AND (NOT EXISTS (SELECT FROM incident_closing WHERE incident_id = NEW.id)
       OR EXISTS (SELECT FROM incident_document WHERE incident_id = NEW.id AND stands = 'out')) THEN
        RAISE EXCEPTION 'incident: documents are out, or nobody closed it' USING ERRCODE = 'restrict_violation';
    END IF;
    IF (NEW.trigger, NEW.package_id, NEW.medium_id, NEW.audit_entry, NEW.detected_at, NEW.opened_by)
       IS DISTINCT FROM (OLD.trigger, OLD.package_id, OLD.medium_id, OLD.audit_entry, OLD.detected_at, OLD.opened_by)
       OR NOT sealed_anew(OLD.story, NEW.story) THEN
        RAISE EXCEPTION 'incident: what was reported never changes' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER closed_when_nothing_is_out BEFORE UPDATE ON incident
    FOR EACH ROW EXECUTE FUNCTION incident_is_closed_when_nothing_is_out();
"""

SEALED_HISTORIES = {
    "incident_assessment": "reasons",
    "incident_notification": "letter",
    "incident_report": "told",
    "incident_closing": "told",
}


def _walls() -> str:
    walls = [
        f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION history_is_append_only();"
        for table in ("incident_person", "incident_disclosure")
    ]
    for table, column in SEALED_HISTORIES.items():
        walls += [
            f"CREATE TRIGGER append_only BEFORE DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION history_is_append_only();",
            f"CREATE TRIGGER sealed_anew_only BEFORE UPDATE ON {table} "
            f"FOR EACH ROW EXECUTE FUNCTION sealed_anew_only('{column}');",
        ]
    walls += [
        f"CREATE TRIGGER never_removed BEFORE DELETE OR TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION history_is_append_only();"
        for table in ("incident", "recapture", "incident_document")
    ]
    walls += [
        f"CREATE CONSTRAINT TRIGGER led_to_by_a_step AFTER INSERT OR UPDATE ON {table} "
        "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION matter_is_where_its_steps_led();"
        for table in ("incident", "recapture")
    ]
    return "\n".join(walls)


def upgrade() -> None:
    execute_script(SCRIPT + _walls())
