-- Data keys, each wrapped by the key service, apart from every place where something is sealed under them. Owned by the
-- role `keyring`; services may add and read. Run again, this changes nothing.
CREATE TABLE IF NOT EXISTS data_key (
    id           uuid PRIMARY KEY,
    wrapped      text,
    issuer       text NOT NULL DEFAULT session_user,
    issued_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    destroyed_at timestamptz,
    destroyed_by text,
    reason       text CHECK (reason ~ '^[a-z][a-z0-9_.-]{1,59}$'),
    CONSTRAINT data_key_is_there_or_a_tombstone CHECK (
        (wrapped IS NULL) = (destroyed_at IS NOT NULL AND destroyed_by IS NOT NULL AND reason IS NOT NULL)
    )
);
COMMENT ON TABLE data_key IS 'Keys of sessions and cases, wrapped. A destroyed one leaves when, by whom and why, and no key';

-- A destroyed key stays so; an id is never given to another key; only the wrapping may change.
CREATE OR REPLACE FUNCTION data_key_only_dies() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'UPDATE' OR OLD.wrapped IS NULL OR NEW.id <> OLD.id OR NEW.issued_at <> OLD.issued_at THEN
        RAISE EXCEPTION 'data_key: keys are never removed, and the dead do not rise' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER data_key_only_dies BEFORE UPDATE OR DELETE ON data_key
    FOR EACH ROW EXECUTE FUNCTION data_key_only_dies();

-- Gives the ids that were alive until now.
CREATE OR REPLACE FUNCTION destroy_keys(p_ids uuid[], p_reason text, p_by text) RETURNS SETOF uuid LANGUAGE sql AS $$
    UPDATE data_key SET wrapped = NULL, destroyed_at = clock_timestamp(), destroyed_by = p_by, reason = p_reason
    WHERE id = ANY (p_ids) AND wrapped IS NOT NULL RETURNING id
$$;
REVOKE ALL ON FUNCTION destroy_keys FROM PUBLIC;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
