"""The tables that every service has in its own database for telling and hearing events, and for its audit trail.

A service's first migration executes `MESSAGING_V1`; a change here is a new constant and a new migration in each service.
"""

MESSAGING_V1 = """
CREATE TABLE outbox (
    position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    topic    text  NOT NULL,
    key      text  NOT NULL,
    value    bytea NOT NULL,
    headers  text  NOT NULL,
    added_at timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
COMMENT ON TABLE outbox IS 'Events that a committed change still has to tell; the relay deletes what the log confirmed';

CREATE TABLE outbox_lease (
    id    smallint PRIMARY KEY CHECK (id = 1),
    owner text NOT NULL,
    token uuid NOT NULL,
    until timestamptz NOT NULL
);
COMMENT ON TABLE outbox_lease IS 'The one relay that may send now; the others stand by';
INSERT INTO outbox_lease VALUES (1, '', '00000000-0000-0000-0000-000000000000', '-infinity');

CREATE TABLE inbox (
    consumer_group text NOT NULL,
    event_id       uuid NOT NULL,
    seen_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (consumer_group, event_id)
);
COMMENT ON TABLE inbox IS 'Events whose effect is in this database already';

CREATE TABLE dead_letter (
    id             uuid PRIMARY KEY,
    consumer_group text   NOT NULL,
    topic          text   NOT NULL,
    partition      int    NOT NULL,
    "offset"       bigint NOT NULL,
    key            text   NOT NULL,
    value          bytea,
    headers        text   NOT NULL,
    error_class    text   NOT NULL,
    reason         text   NOT NULL,
    attempts       int    NOT NULL DEFAULT 1,
    set_aside_at   timestamptz NOT NULL,
    redriven_at    timestamptz,
    UNIQUE (consumer_group, topic, partition, "offset")
);
COMMENT ON COLUMN dead_letter.value IS 'NULL where the store must not hold what the event carried';
CREATE INDEX dead_letter_open ON dead_letter (consumer_group, set_aside_at) WHERE redriven_at IS NULL;

CREATE TABLE idempotency_key (
    caller         text NOT NULL,
    operation      text NOT NULL,
    key            text NOT NULL,
    request_digest text NOT NULL,
    status         int  NOT NULL,
    response       text NOT NULL,
    at             timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (caller, operation, key)
);
COMMENT ON TABLE idempotency_key IS 'What was answered to a request that creates, so that sending it again creates nothing';
"""

AUDIT_V1 = """
CREATE TABLE audit_entry (
    position   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id         uuid NOT NULL UNIQUE,
    at         timestamptz NOT NULL,
    user_id    text NOT NULL,
    roles      text[] NOT NULL,
    terminal   text NOT NULL,
    action     text NOT NULL,
    record_ids text[] NOT NULL,
    fields     text[] NOT NULL,
    purpose    text NOT NULL,
    outcome    text NOT NULL,
    trace_id   text NOT NULL
);
COMMENT ON TABLE audit_entry IS 'Every look and every act: who, from where, when, what, why, how it ended. Never a person''s values';
CREATE INDEX audit_entry_record ON audit_entry USING gin (record_ids);
CREATE INDEX audit_entry_user ON audit_entry (user_id, at);

CREATE FUNCTION audit_entry_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'audit entries are never changed or removed' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER audit_entry_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_entry
    FOR EACH STATEMENT EXECUTE FUNCTION audit_entry_is_append_only();
"""
