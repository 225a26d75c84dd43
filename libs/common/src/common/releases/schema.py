"""The tables of a service whose records can be released; a migration of such a service executes `RELEASES_V1`."""

RELEASES_V1 = """
CREATE FUNCTION settled_is_final() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%: what became of a grant, and what was noted, never changes', TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$;

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
    FOR EACH STATEMENT EXECUTE FUNCTION settled_is_final();

CREATE TABLE notation (
    record_id    uuid NOT NULL,
    amendment_id uuid NOT NULL,
    kind         text NOT NULL CHECK (kind IN ('correction', 'disagreement')),
    amended_at   timestamptz NOT NULL,
    PRIMARY KEY (record_id, amendment_id, kind)
);
COMMENT ON TABLE notation IS
    'Corrections and statements of disagreement stand beside the record and go with every copy of it (552a(c)(4), (d)(4))';
CREATE TRIGGER notation_is_final BEFORE UPDATE OR DELETE OR TRUNCATE ON notation
    FOR EACH STATEMENT EXECUTE FUNCTION settled_is_final();
"""
