"""Grants that production takes by itself, the copies of figures that went, and amendments beside the records."""

from common.migrations import execute_script
from common.releases.schema import RELEASES_V1

revision = "0006"
down_revision = "0005"

SCRIPT = """
ALTER TABLE grant_use ADD CONSTRAINT grant_use_holds_no_ssn CHECK (NOT holds_ssn(settled_by || ' | ' || reason));

CREATE TABLE release_copy (
    id            uuid PRIMARY KEY,
    grant_id      uuid NOT NULL REFERENCES grant_use,
    record_id     uuid NOT NULL,
    layer         text NOT NULL,
    original_hash text NOT NULL CHECK (original_hash ~ '^[0-9a-f]{64}$'),
    copy_hash     text NOT NULL CHECK (copy_hash ~ '^[0-9a-f]{64}$'),
    content       bytea,
    kept_until    timestamptz NOT NULL,
    CONSTRAINT one_copy_of_a_record UNIQUE (grant_id, record_id),
    CONSTRAINT a_copy_is_not_its_original CHECK (copy_hash <> original_hash),
    CONSTRAINT release_copy_holds_no_ssn CHECK (NOT holds_ssn(layer))
);
CREATE INDEX release_copy_record ON release_copy (record_id);
CREATE INDEX release_copy_kept ON release_copy (kept_until) WHERE content IS NOT NULL;
COMMENT ON COLUMN release_copy.content IS 'Sealed under the service''s own key, and let go when its days are over';
CREATE FUNCTION copy_is_sealed_anew_or_let_go() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (to_jsonb(NEW) - 'content') IS DISTINCT FROM (to_jsonb(OLD) - 'content')
       OR (NEW.content IS NOT NULL AND (OLD.content IS NULL OR substr(NEW.content, 1, 2) = substr(OLD.content, 1, 2))) THEN
        RAISE EXCEPTION 'release_copy: what went never changes, but for the version that it is sealed under'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER copy_is_as_it_went BEFORE UPDATE ON release_copy FOR EACH ROW EXECUTE FUNCTION copy_is_sealed_anew_or_let_go();
CREATE TRIGGER copy_is_never_removed BEFORE DELETE OR TRUNCATE ON release_copy
    FOR EACH STATEMENT EXECUTE FUNCTION settled_is_final();
"""


def upgrade() -> None:
    execute_script(RELEASES_V1 + SCRIPT)
