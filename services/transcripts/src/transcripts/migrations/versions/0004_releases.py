"""Redaction layers, what became of grants, the copies that went, and notations of amendments beside the sealed record."""

from common.migrations import execute_script

revision = "0004"
down_revision = "0003"

SCRIPT = """
CREATE TABLE redaction_layer (
    id            uuid PRIMARY KEY,
    transcript_id uuid NOT NULL REFERENCES transcript,
    name          text NOT NULL CHECK (name ~ '^[a-z0-9][a-z0-9-]{0,39}$' AND name <> 'original'),
    audience      text NOT NULL CHECK (audience IN ('person', 'others')),
    state         text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'reviewed')),
    opened_by     text NOT NULL CHECK (opened_by <> ''),
    opened_at     timestamptz NOT NULL,
    reviewed_by   text,
    reviewed_at   timestamptz,
    CONSTRAINT one_layer_of_a_name UNIQUE (transcript_id, name),
    CONSTRAINT reviewed_by_somebody CHECK ((state = 'reviewed') = (reviewed_by IS NOT NULL)
        AND (reviewed_by IS NULL) = (reviewed_at IS NULL))
);
COMMENT ON TABLE redaction_layer IS 'What of a transcript stays behind, for one audience: beside the record, which never changes';

CREATE TABLE redaction_span (
    layer_id   uuid NOT NULL REFERENCES redaction_layer,
    seq        int  NOT NULL CHECK (seq >= 1),
    span_start int  NOT NULL CHECK (span_start >= 0),
    span_end   int  NOT NULL CHECK (span_end > span_start),
    kind       text NOT NULL,
    source     text NOT NULL CHECK (source IN ('detector', 'reviewer')),
    decision   text CHECK (decision IN ('redact', 'keep')),
    reason     text NOT NULL DEFAULT '',
    decided_by text,
    decided_at timestamptz,
    PRIMARY KEY (layer_id, seq, span_start, span_end),
    CONSTRAINT decided_by_somebody CHECK ((decision IS NULL) = (decided_by IS NULL) AND (decision IS NULL) = (decided_at IS NULL)),
    CONSTRAINT keeping_needs_a_reason CHECK (decision IS DISTINCT FROM 'keep' OR reason <> '')
);
COMMENT ON TABLE redaction_span IS 'Places in the text of an entry, and what stands there by its kind; never what it says';

CREATE TABLE redaction_label (
    layer_id uuid NOT NULL REFERENCES redaction_layer,
    seq      int  NOT NULL CHECK (seq >= 1),
    element  text NOT NULL,
    PRIMARY KEY (layer_id, seq)
);
COMMENT ON TABLE redaction_label IS 'What a message is about, as an element of the records that a decision can name';

CREATE FUNCTION reviewed_is_final() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    looked_at uuid := coalesce(to_jsonb(OLD) ->> 'layer_id', to_jsonb(NEW) ->> 'layer_id', to_jsonb(OLD) ->> 'id')::uuid;
BEGIN
    IF (SELECT state FROM redaction_layer WHERE id = looked_at) = 'reviewed' THEN
        RAISE EXCEPTION '%: a layer that was reviewed never changes', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN coalesce(NEW, OLD);
END $$;
CREATE TRIGGER layer_is_final BEFORE UPDATE OR DELETE ON redaction_layer FOR EACH ROW EXECUTE FUNCTION reviewed_is_final();
CREATE TRIGGER span_is_final BEFORE INSERT OR UPDATE OR DELETE ON redaction_span
    FOR EACH ROW EXECUTE FUNCTION reviewed_is_final();
CREATE TRIGGER label_is_final BEFORE INSERT OR UPDATE OR DELETE ON redaction_label
    FOR EACH ROW EXECUTE FUNCTION reviewed_is_final();

-- Looked at when the transaction ends: nothing is reviewed while a finding waits for a decision.
CREATE FUNCTION reviewed_is_decided() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.state = 'reviewed' AND EXISTS (SELECT FROM redaction_span WHERE layer_id = NEW.id AND decision IS NULL) THEN
        RAISE EXCEPTION 'redaction_layer: findings are not decided' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER layer_is_decided AFTER UPDATE ON redaction_layer
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION reviewed_is_decided();

CREATE TABLE heard_grant (
    grant_id      uuid PRIMARY KEY,
    request_id    uuid NOT NULL,
    accounting_id uuid,
    expires_at    timestamptz NOT NULL
);
CREATE INDEX heard_grant_expires ON heard_grant (expires_at);
COMMENT ON TABLE heard_grant IS 'Grants for this service that were heard of: those for which nobody comes are settled by the clock';

CREATE TABLE grant_use (
    grant_id      uuid PRIMARY KEY,
    request_id    uuid NOT NULL,
    accounting_id uuid,
    outcome       text NOT NULL CHECK (outcome IN ('released', 'refused', 'expired')),
    reason        text NOT NULL DEFAULT '',
    settled_by    text NOT NULL CHECK (settled_by <> ''),
    settled_at    timestamptz NOT NULL,
    CONSTRAINT a_refusal_says_why CHECK ((outcome = 'refused') = (reason <> ''))
);
COMMENT ON TABLE grant_use IS 'What became of each grant. Its key is why a grant works once (invariant 4)';
CREATE TRIGGER use_is_final BEFORE UPDATE OR DELETE OR TRUNCATE ON grant_use
    FOR EACH STATEMENT EXECUTE FUNCTION sealed_is_final();

CREATE TABLE release_copy (
    id            uuid PRIMARY KEY,
    grant_id      uuid NOT NULL REFERENCES grant_use,
    transcript_id uuid NOT NULL REFERENCES transcript,
    layer         text NOT NULL,
    original_hash text NOT NULL CHECK (length(original_hash) = 64),
    working_hash  text NOT NULL CHECK (length(working_hash) = 64),
    copy_hash     text NOT NULL CHECK (length(copy_hash) = 64),
    key_id        uuid NOT NULL,
    content       bytea,
    kept_until    timestamptz NOT NULL,
    CONSTRAINT one_copy_of_a_record UNIQUE (grant_id, transcript_id),
    CONSTRAINT a_copy_is_not_its_working_copy CHECK (copy_hash <> working_hash AND copy_hash <> original_hash)
);
CREATE INDEX release_copy_transcript ON release_copy (transcript_id);
CREATE INDEX release_copy_kept ON release_copy (kept_until) WHERE content IS NOT NULL;
COMMENT ON COLUMN release_copy.content IS 'Sealed under the session''s own key: it dies with the record, and sooner once it was fetched and its days are over';
CREATE FUNCTION copy_is_final() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (to_jsonb(NEW) - 'content') IS DISTINCT FROM (to_jsonb(OLD) - 'content') OR NEW.content IS NOT NULL THEN
        RAISE EXCEPTION 'release_copy: what went never changes' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER copy_is_final BEFORE UPDATE ON release_copy FOR EACH ROW EXECUTE FUNCTION copy_is_final();
CREATE TRIGGER copy_is_never_removed BEFORE DELETE OR TRUNCATE ON release_copy
    FOR EACH STATEMENT EXECUTE FUNCTION sealed_is_final();

CREATE TABLE notation (
    transcript_id uuid NOT NULL,
    amendment_id  uuid NOT NULL,
    kind          text NOT NULL CHECK (kind IN ('correction', 'disagreement')),
    amended_at    timestamptz NOT NULL,
    PRIMARY KEY (transcript_id, amendment_id, kind)
);
COMMENT ON TABLE notation IS
    'Corrections and statements of disagreement stand beside the sealed record and go with every copy of it (552a(c)(4), (d)(4))';
CREATE TRIGGER notation_is_final BEFORE UPDATE OR DELETE OR TRUNCATE ON notation
    FOR EACH STATEMENT EXECUTE FUNCTION sealed_is_final();
"""


def upgrade() -> None:
    execute_script(SCRIPT)
