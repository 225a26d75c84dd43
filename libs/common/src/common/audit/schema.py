"""The tables of the audit trail that every service has in its own database, besides `audit_entry`.

A service's second migration executes `AUDIT_V2`; a change here is a new constant and a new migration in each service.
Under the service's runtime role these tables take new rows and give up none (`APPEND_ONLY`); the triggers say the same to
the owner.
"""

APPEND_ONLY = ("audit_entry", "audit_leaf", "audit_node", "audit_head", "audit_witness")
"""What the runtime role may read and add to, and nothing else."""

QUEUE = "audit_pending"
"""What the runtime role may read and take from; only the trigger adds."""

AUDIT_V2 = """
ALTER TABLE audit_entry ADD COLUMN terms text[] NOT NULL DEFAULT '{}';
COMMENT ON COLUMN audit_entry.terms IS 'Personal terms of a search as keyed digests, each after its name; never the terms';
ALTER TABLE audit_entry ADD CONSTRAINT audit_entry_names_the_user CHECK (user_id <> '');
ALTER TABLE audit_entry ADD CONSTRAINT audit_entry_names_the_terminal CHECK (terminal <> '');
CREATE INDEX audit_entry_at ON audit_entry (at);
CREATE INDEX audit_entry_terms ON audit_entry USING gin (terms) WHERE terms <> '{}';

CREATE TABLE audit_pending (
    position bigint PRIMARY KEY,
    added_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE audit_pending IS 'Entries that the tree does not hold yet';

CREATE TABLE audit_leaf (
    leaf_index bigint PRIMARY KEY,
    entry_id   uuid NOT NULL UNIQUE,
    hash       bytea NOT NULL CHECK (length(hash) = 32)
);
COMMENT ON TABLE audit_leaf IS 'The leaves of the Merkle tree: which entry stands at which index, without gaps';

CREATE TABLE audit_node (
    level      int    NOT NULL CHECK (level > 0),
    node_index bigint NOT NULL,
    hash       bytea  NOT NULL CHECK (length(hash) = 32),
    PRIMARY KEY (level, node_index)
);
COMMENT ON TABLE audit_node IS 'Roots of full subtrees, each fourth level: what proofs and the next root are made from';

CREATE TABLE audit_head (
    tree_size bigint PRIMARY KEY CHECK (tree_size > 0),
    root      bytea NOT NULL CHECK (length(root) = 32),
    signed_at timestamptz NOT NULL,
    statement text NOT NULL
);
COMMENT ON TABLE audit_head IS 'Signed tree heads of this service; statement is the signature with what was signed (JWS)';

CREATE TABLE audit_witness (
    position  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    service   text NOT NULL,
    tree_size bigint NOT NULL,
    root      bytea NOT NULL,
    signed_at timestamptz NOT NULL,
    statement text NOT NULL,
    verdict   text NOT NULL,
    seen_at   timestamptz NOT NULL,
    UNIQUE (statement, verdict)
);
COMMENT ON TABLE audit_witness IS 'Heads that other services signed, held for them; verdict says whether they agree';
CREATE INDEX audit_witness_by_size ON audit_witness (service, tree_size);

CREATE FUNCTION audit_trail_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%: what was recorded is never changed or removed', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER audit_leaf_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_leaf
    FOR EACH STATEMENT EXECUTE FUNCTION audit_trail_is_append_only();
CREATE TRIGGER audit_node_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_node
    FOR EACH STATEMENT EXECUTE FUNCTION audit_trail_is_append_only();
CREATE TRIGGER audit_head_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_head
    FOR EACH STATEMENT EXECUTE FUNCTION audit_trail_is_append_only();
CREATE TRIGGER audit_witness_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_witness
    FOR EACH STATEMENT EXECUTE FUNCTION audit_trail_is_append_only();

-- With the owner's rights, so that no path of the runtime role writes an entry around the tree.
CREATE FUNCTION audit_entry_goes_to_the_tree() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO audit_pending (position) SELECT position FROM added;
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION audit_entry_goes_to_the_tree() FROM PUBLIC;
CREATE TRIGGER audit_entry_goes_to_the_tree AFTER INSERT ON audit_entry REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION audit_entry_goes_to_the_tree();
INSERT INTO audit_pending (position) SELECT position FROM audit_entry;

ALTER TABLE dead_letter ADD COLUMN dropped_for text;
COMMENT ON COLUMN dead_letter.dropped_for IS 'Code of the reason for which it was dismissed; redriven_at is the time then';
"""
