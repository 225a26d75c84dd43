"""Release packages: items with their reviews and copies, approvals, manifests, shipments, and the media that files travel on."""

from common.migrations import execute_script

revision = "0008"
down_revision = "0007"

STEPS = """
CREATE TABLE matter_step (
    matter_id  uuid NOT NULL,
    matter     text NOT NULL CHECK (matter <> ''),
    seq        int  NOT NULL CHECK (seq > 0),
    act        text NOT NULL,
    from_state text NOT NULL,
    to_state   text NOT NULL,
    actor      text NOT NULL CHECK (actor <> ''),
    at         timestamptz NOT NULL,
    codes      jsonb NOT NULL,
    PRIMARY KEY (matter_id, seq)
);
COMMENT ON TABLE matter_step IS 'Every act on an item, package, shipment, medium, incident or recapture, with the state it led to';
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON matter_step
    FOR EACH STATEMENT EXECUTE FUNCTION history_is_append_only();

CREATE FUNCTION matter_steps_are_a_chain() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    before_seq int := 0;
    before_state text := '';
BEGIN
    SELECT seq, to_state INTO before_seq, before_state FROM matter_step
        WHERE matter_id = NEW.matter_id ORDER BY seq DESC LIMIT 1;
    IF NEW.seq <> coalesce(before_seq, 0) + 1 OR NEW.from_state <> coalesce(before_state, '') THEN
        RAISE EXCEPTION 'matter_step: does not begin where the step before it ended' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER chained BEFORE INSERT ON matter_step FOR EACH ROW EXECUTE FUNCTION matter_steps_are_a_chain();

-- Looked at when the transaction ends: a state to which no step led is none.
CREATE FUNCTION matter_is_where_its_steps_led() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    stands text;
BEGIN
    EXECUTE format('SELECT state FROM %I WHERE id = $1', TG_TABLE_NAME) INTO stands USING NEW.id;
    IF stands IS DISTINCT FROM (SELECT to_state FROM matter_step WHERE matter_id = NEW.id ORDER BY seq DESC LIMIT 1) THEN
        RAISE EXCEPTION '%: no step led to this state', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END $$;
"""

PACKAGES = """
CREATE TABLE release_package (
    id                uuid PRIMARY KEY,
    nature            text NOT NULL CHECK (nature IN ('copy-of-file', 'extracts', 'verifier-letter', 'deceased-inquiry')),
    accounting_id     uuid REFERENCES accounting,
    request_id        uuid REFERENCES individual_request,
    asked_in          text NOT NULL,
    asked_signed      boolean NOT NULL,
    asked_reference   text NOT NULL CHECK (asked_reference <> ''),
    recipient         bytea NOT NULL,
    state             text NOT NULL,
    opened_by         text NOT NULL CHECK (opened_by <> ''),
    opened_at         timestamptz NOT NULL,
    CONSTRAINT rests_on_one_thing CHECK ((accounting_id IS NULL) <> (request_id IS NULL)),
    CONSTRAINT asked_in_writing_and_signed CHECK (asked_in = 'written' AND asked_signed),
    UNIQUE (id, opened_by)
);
CREATE INDEX release_package_state ON release_package (state, id);
COMMENT ON COLUMN release_package.recipient IS 'Sealed: name and address of whom it goes to';

CREATE TABLE package_person (
    id              uuid PRIMARY KEY,
    package_id      uuid NOT NULL REFERENCES release_package,
    role            text NOT NULL,
    death_evidence  text NOT NULL DEFAULT '',
    consent         text NOT NULL DEFAULT '',
    particulars     bytea NOT NULL
);
CREATE INDEX package_person_package ON package_person (package_id, id);
CREATE UNIQUE INDEX one_requester_a_package ON package_person (package_id) WHERE role = 'requester';
COMMENT ON COLUMN package_person.particulars IS 'Sealed: how the person is recognised in a text, and where they live';

CREATE TABLE package_item (
    id               uuid PRIMARY KEY,
    package_id       uuid NOT NULL REFERENCES release_package,
    position         int  NOT NULL CHECK (position > 0),
    form             text NOT NULL CHECK (form IN ('paper', 'electronic')),
    record_id        uuid NOT NULL,
    reference        text NOT NULL CHECK (reference <> ''),
    original_sha256  text NOT NULL CHECK (original_sha256 ~ '^[0-9a-f]{64}$'),
    state            text NOT NULL,
    added_by         text NOT NULL CHECK (added_by <> ''),
    added_at         timestamptz NOT NULL,
    redacted_sha256  text CHECK (redacted_sha256 ~ '^[0-9a-f]{64}$'),
    redacted_how     text,
    copy_sha256      text CHECK (copy_sha256 ~ '^[0-9a-f]{64}$'),
    copy_reference   text,
    copied_by        text,
    UNIQUE (package_id, position),
    UNIQUE (id, added_by),
    CONSTRAINT a_copy_is_a_fresh_one CHECK (copy_sha256 IS DISTINCT FROM original_sha256
        AND (copy_sha256 IS NULL OR copy_sha256 IS DISTINCT FROM redacted_sha256)),
    CONSTRAINT a_redacted_work_is_no_original CHECK (redacted_sha256 IS DISTINCT FROM original_sha256),
    CONSTRAINT redacted_somehow CHECK ((redacted_sha256 IS NULL) = (redacted_how IS NULL)),
    CONSTRAINT copied_by_somebody CHECK ((state = 'copied') = (copy_sha256 IS NOT NULL)
        AND (copy_sha256 IS NULL) = (copied_by IS NULL) AND (copy_sha256 IS NULL) = (copy_reference IS NULL))
);
CREATE INDEX package_item_package ON package_item (package_id, position);
CREATE INDEX package_item_hashes ON package_item (original_sha256);

CREATE TABLE item_review (
    id          uuid PRIMARY KEY,
    item_id     uuid NOT NULL,
    package_id  uuid NOT NULL,
    added_by    text NOT NULL,
    opened_by   text NOT NULL,
    outcome     text NOT NULL CHECK (outcome IN ('clean', 'redact', 'misfiled')),
    cleared     jsonb NOT NULL,
    reviewed_by text NOT NULL CHECK (reviewed_by <> ''),
    reviewed_at timestamptz NOT NULL,
    -- Who prepares never reviews: the copies of who prepared cannot differ from the item and the package.
    CONSTRAINT reviews_an_item FOREIGN KEY (item_id, added_by) REFERENCES package_item (id, added_by),
    CONSTRAINT reviews_for_a_package FOREIGN KEY (package_id, opened_by) REFERENCES release_package (id, opened_by),
    CONSTRAINT who_prepares_never_reviews CHECK (reviewed_by <> added_by AND reviewed_by <> opened_by)
);
CREATE INDEX item_review_item ON item_review (item_id, id);
COMMENT ON TABLE item_review IS 'Who read which item from end to end, when, and with what outcome; the latest counts';

CREATE TABLE item_finding (
    id        uuid PRIMARY KEY,
    item_id   uuid NOT NULL REFERENCES package_item,
    person_id uuid NOT NULL REFERENCES package_person,
    kind      text NOT NULL,
    place     text NOT NULL,
    fate      text NOT NULL CHECK (fate IN ('stays', 'conceal')),
    because   text NOT NULL,
    found_in  text NOT NULL CHECK (found_in IN ('review', 'copy')),
    review_id uuid NOT NULL REFERENCES item_review,
    found_at  timestamptz NOT NULL,
    CONSTRAINT a_copy_holds_what_stays CHECK (found_in = 'review' OR fate = 'stays')
);
CREATE INDEX item_finding_item ON item_finding (item_id, id);
COMMENT ON TABLE item_finding IS 'Whose data of which kind an item holds, and what becomes of it; never what it says';

CREATE TABLE package_approval (
    package_id  uuid PRIMARY KEY,
    opened_by   text NOT NULL,
    approved_by text NOT NULL CHECK (approved_by <> ''),
    approved_at timestamptz NOT NULL,
    CONSTRAINT approves_a_package FOREIGN KEY (package_id, opened_by) REFERENCES release_package (id, opened_by),
    CONSTRAINT who_prepares_never_approves CHECK (approved_by <> opened_by)
);

CREATE TABLE package_manifest (
    package_id uuid PRIMARY KEY REFERENCES package_approval,
    document   jsonb NOT NULL,
    sha256     text NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    made_at    timestamptz NOT NULL
);
COMMENT ON TABLE package_manifest IS 'What leaves: second-generation copies by reference and hash';

CREATE FUNCTION approver_did_not_work_on_it() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM item_review WHERE package_id = NEW.package_id AND reviewed_by = NEW.approved_by)
       OR EXISTS (SELECT FROM package_item WHERE package_id = NEW.package_id AND NEW.approved_by IN (added_by, copied_by)) THEN
        RAISE EXCEPTION 'package_approval: who prepared or reviewed never approves' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER by_somebody_else BEFORE INSERT ON package_approval
    FOR EACH ROW EXECUTE FUNCTION approver_did_not_work_on_it();

-- No manifest, and so no shipment, while an item is not reviewed and copied, or refers to anything unredacted.
CREATE FUNCTION manifest_is_of_reviewed_copies() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM package_item i WHERE i.package_id = NEW.package_id AND (i.state NOT IN ('copied', 'left-out')
               OR NOT EXISTS (SELECT FROM item_review r WHERE r.item_id = i.id)))
       OR NOT EXISTS (SELECT FROM package_item WHERE package_id = NEW.package_id AND state = 'copied') THEN
        RAISE EXCEPTION 'package_manifest: an item is not reviewed and copied' USING ERRCODE = 'restrict_violation';
    END IF;
    IF EXISTS (SELECT FROM package_item mine JOIN package_item any_item
               ON mine.copy_sha256 IN (any_item.original_sha256, any_item.redacted_sha256)
               WHERE mine.package_id = NEW.package_id) THEN
        RAISE EXCEPTION 'package_manifest: refers to unredacted content' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER of_reviewed_copies BEFORE INSERT ON package_manifest
    FOR EACH ROW EXECUTE FUNCTION manifest_is_of_reviewed_copies();
"""

MEDIA = """
CREATE TABLE media_necessity (
    id          uuid PRIMARY KEY,
    record_id   uuid NOT NULL,
    reason      text NOT NULL CHECK (reason <> ''),
    reference   text NOT NULL CHECK (reference <> ''),
    approved_by text NOT NULL CHECK (approved_by <> ''),
    approved_at timestamptz NOT NULL,
    UNIQUE (id, record_id, approved_by)
);
COMMENT ON TABLE media_necessity IS 'That protected data on a portable medium were found unavoidable, for one medium of one file';

CREATE TABLE medium (
    id             uuid PRIMARY KEY,
    origin         text NOT NULL CHECK (origin IN ('made', 'received')),
    kind           text NOT NULL,
    record_id      uuid NOT NULL,
    mark           text NOT NULL CHECK (mark <> ''),
    encrypted      boolean NOT NULL,
    certificate    text NOT NULL,
    necessity_id   uuid UNIQUE,
    necessity_by   text,
    supplier       text NOT NULL,
    assurance      text NOT NULL,
    holds_others   boolean NOT NULL,
    marking        text NOT NULL,
    place_kind     text NOT NULL,
    place_mark     text NOT NULL,
    state          text NOT NULL,
    registered_by  text NOT NULL CHECK (registered_by <> ''),
    registered_at  timestamptz NOT NULL,
    CONSTRAINT made_where_unavoidable FOREIGN KEY (necessity_id, record_id, necessity_by)
        REFERENCES media_necessity (id, record_id, approved_by),
    CONSTRAINT what_is_made_was_approved_and_is_encrypted CHECK (origin = 'received'
        OR (necessity_id IS NOT NULL AND necessity_by IS NOT NULL AND encrypted AND certificate <> '')),
    CONSTRAINT who_approves_never_makes CHECK (necessity_by IS DISTINCT FROM registered_by),
    CONSTRAINT what_is_received_is_assured CHECK (origin = 'made' OR (supplier <> '' AND assurance <> '')),
    CONSTRAINT what_holds_others_is_marked CHECK (NOT holds_others OR marking <> ''),
    CONSTRAINT what_rests_is_locked_away CHECK (state <> 'at-rest'
        OR (place_kind IN ('safe', 'locked-cabinet', 'locked-room', 'locked-area') AND place_mark <> ''))
);
CREATE INDEX medium_record ON medium (record_id, id);
COMMENT ON COLUMN medium.marking IS 'Version of the warning that it bears; empty: it holds nothing about other people';

CREATE TABLE shipment (
    id              uuid PRIMARY KEY,
    package_id      uuid NOT NULL UNIQUE REFERENCES package_manifest,
    medium_id       uuid REFERENCES medium,
    way             text NOT NULL,
    carrier         text NOT NULL,
    tracking_number text NOT NULL,
    extracts        int  NOT NULL CHECK (extracts >= 0),
    wrapping        jsonb NOT NULL,
    events_due      text[] NOT NULL,
    state           text NOT NULL,
    sent_by         text NOT NULL CHECK (sent_by <> ''),
    sent_at         timestamptz NOT NULL,
    UNIQUE (id, way),
    CONSTRAINT several_extracts_are_tracked CHECK (way NOT IN ('mail', 'courier') OR tracking_number <> ''
        OR (extracts <= 1 AND medium_id IS NULL))
);

CREATE TABLE shipment_event (
    shipment_id uuid NOT NULL REFERENCES shipment,
    event       text NOT NULL CHECK (event IN ('pickup', 'receipt', 'transfer', 'delivery')),
    reported_at timestamptz NOT NULL,
    entered_by  text NOT NULL CHECK (entered_by <> ''),
    PRIMARY KEY (shipment_id, event)
);

CREATE TABLE shipment_key (
    shipment_id  uuid PRIMARY KEY,
    package_way  text NOT NULL,
    way          text NOT NULL,
    in_shipment  uuid,
    sent_by      text NOT NULL CHECK (sent_by <> ''),
    sent_at      timestamptz NOT NULL,
    CONSTRAINT opens_a_shipment FOREIGN KEY (shipment_id, package_way) REFERENCES shipment (id, way),
    CONSTRAINT the_key_takes_another_way CHECK (way <> package_way AND in_shipment IS DISTINCT FROM shipment_id)
);

-- A shipment is finished by its events and by nothing else.
CREATE FUNCTION shipment_is_finished_by_its_events() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.state = 'finished' AND EXISTS (SELECT FROM unnest(NEW.events_due) AS due (event)
        WHERE NOT EXISTS (SELECT FROM shipment_event e WHERE e.shipment_id = NEW.id AND e.event = due.event)) THEN
        RAISE EXCEPTION 'shipment: events of its carrier are missing' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER finished_by_events BEFORE UPDATE ON shipment
    FOR EACH ROW EXECUTE FUNCTION shipment_is_finished_by_its_events();

CREATE FUNCTION medium_stays_with_its_file() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.record_id, NEW.origin, NEW.mark, NEW.necessity_id, NEW.holds_others, NEW.registered_by)
       IS DISTINCT FROM (OLD.record_id, OLD.origin, OLD.mark, OLD.necessity_id, OLD.holds_others, OLD.registered_by) THEN
        RAISE EXCEPTION 'medium: is of one file for good' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER stays_with_its_file BEFORE UPDATE ON medium FOR EACH ROW EXECUTE FUNCTION medium_stays_with_its_file();

-- What was taken in, decided and made never changes.
CREATE FUNCTION package_keeps_its_ground() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.nature, NEW.accounting_id, NEW.request_id, NEW.asked_reference, NEW.opened_by, NEW.opened_at)
       IS DISTINCT FROM (OLD.nature, OLD.accounting_id, OLD.request_id, OLD.asked_reference, OLD.opened_by, OLD.opened_at)
       OR NOT sealed_anew(OLD.recipient, NEW.recipient) THEN
        RAISE EXCEPTION 'release_package: what it rests on never changes' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER keeps_its_ground BEFORE UPDATE ON release_package FOR EACH ROW EXECUTE FUNCTION package_keeps_its_ground();
CREATE TRIGGER sealed_anew_only BEFORE UPDATE ON package_person
    FOR EACH ROW EXECUTE FUNCTION sealed_anew_only('particulars');
CREATE FUNCTION item_is_fixed_once_approved() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM package_manifest WHERE package_id = OLD.package_id)
       OR (NEW.package_id, NEW.record_id, NEW.original_sha256, NEW.added_by)
       IS DISTINCT FROM (OLD.package_id, OLD.record_id, OLD.original_sha256, OLD.added_by) THEN
        RAISE EXCEPTION 'package_item: is as it was approved' USING ERRCODE = 'restrict_violation';
    END IF;
    IF EXISTS (SELECT FROM item_review WHERE item_id = NEW.id AND reviewed_by = NEW.copied_by) THEN
        RAISE EXCEPTION 'package_item: who reviews makes no copy' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER fixed_once_approved BEFORE UPDATE ON package_item FOR EACH ROW EXECUTE FUNCTION item_is_fixed_once_approved();
"""


def _walls() -> str:
    """Histories take no change, what has a state takes no removal, and a state is where the steps led."""
    kept = ("item_review", "item_finding", "package_approval", "package_manifest", "media_necessity", "shipment_event",
            "shipment_key")  # fmt: skip
    stateful = ("release_package", "package_item", "medium", "shipment")
    walls = [
        f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION history_is_append_only();"
        for table in kept
    ]
    walls += [
        f"CREATE TRIGGER never_removed BEFORE DELETE OR TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION history_is_append_only();"
        for table in (*stateful, "package_person")
    ]
    for table in stateful:
        walls += [
            f"CREATE CONSTRAINT TRIGGER led_to_by_a_step AFTER INSERT OR UPDATE ON {table} "
            "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION matter_is_where_its_steps_led();",
        ]
    return "\n".join(walls)


def upgrade() -> None:
    execute_script(STEPS + PACKAGES + MEDIA + _walls())
