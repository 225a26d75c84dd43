"""Live sessions, their participants and entries, and the one way in which entries are added."""

from common.messaging.schema import AUDIT_V1, MESSAGING_V1
from common.migrations import execute_script

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE chat_session (
    id         uuid PRIMARY KEY,
    account_id text NOT NULL,
    client_id  uuid NOT NULL,
    topic      text NOT NULL,
    status     text NOT NULL CONSTRAINT chat_session_status CHECK (status IN ('waiting', 'active', 'closed')),
    notice_version  text NOT NULL CONSTRAINT chat_session_notice CHECK (notice_version <> '' AND notice_digest <> ''),
    notice_digest   text NOT NULL,
    notice_language text NOT NULL,
    notice_acknowledged_at  timestamptz NOT NULL,
    identity_assurance      smallint NOT NULL,
    authenticator_assurance smallint NOT NULL,
    authenticated_at        timestamptz NOT NULL,
    opened_at    timestamptz NOT NULL,
    closed_at    timestamptz,
    close_reason text,
    last_seq     int,
    digest       text,
    CONSTRAINT chat_session_opened_once UNIQUE (account_id, client_id),
    CONSTRAINT chat_session_closing CHECK (
        (status = 'closed') = (closed_at IS NOT NULL AND close_reason IS NOT NULL AND last_seq IS NOT NULL AND digest IS NOT NULL)
    )
);
COMMENT ON TABLE chat_session IS 'A conversation from opening to closing, with the notice that its customer acknowledged';
COMMENT ON COLUMN chat_session.last_seq IS 'Number and running digest of the last entry, once closed; before that the entries themselves tell';
CREATE INDEX chat_session_waiting ON chat_session (opened_at, id) WHERE status = 'waiting';

CREATE TABLE participant (
    id           uuid PRIMARY KEY,
    session_id   uuid NOT NULL REFERENCES chat_session (id) ON DELETE CASCADE,
    principal_id text NOT NULL,
    role         text NOT NULL,
    display_name text NOT NULL,
    pin          text NOT NULL,
    office       text NOT NULL,
    region       text NOT NULL,
    joined_at    timestamptz NOT NULL,
    CONSTRAINT participant_once UNIQUE (session_id, principal_id),
    CONSTRAINT participant_employee CHECK (role = 'customer' OR (pin <> '' AND office <> '' AND region <> '' AND display_name <> ''))
);
COMMENT ON TABLE participant IS 'Who takes part, with the display name as it was shown then';

CREATE TABLE session_entry (
    session_id uuid NOT NULL,
    seq        int  NOT NULL CONSTRAINT session_entry_seq CHECK (seq >= 1),
    entry_id   uuid NOT NULL,
    kind       text NOT NULL,
    value      bytea NOT NULL,
    CONSTRAINT session_entry_pkey PRIMARY KEY (session_id, seq),
    CONSTRAINT session_entry_once UNIQUE (session_id, entry_id)
);
COMMENT ON TABLE session_entry IS 'Entries 1..n of each session; value is the JSON that was told and delivered, byte for byte';
"""

# The primary key is the compare-and-swap: whoever adds entry k to a session has seen 1..k-1, and two who add k at the
# same time are put in order by the key's index; the later one adds nothing and hears which sessions it lost. Whoever
# adds k holds it uncommitted until its outbox rows are in, so positions in the outbox follow seq within a session.
# No foreign key from entries to their session: it would cost a lock on the session's row for every message, and this
# function, which alone adds entries, adds the first one together with the session.
APPEND = """
CREATE FUNCTION append_entries(
    p_firsts  int,     -- so many entries stand in front, by session id: the first one of each session
    p_session uuid[], p_seq int[], p_entry uuid[], p_kind text[], p_value bytea[], p_headers text[],
    p_opened  jsonb,   -- sessions to make
    p_joined  jsonb,   -- participants who come in
    p_closed  jsonb,   -- sessions that end, and what is told of the work done
    OUT lost  uuid[]   -- sessions to which somebody else has added meanwhile: nothing of them was stored
) LANGUAGE plpgsql AS $$
DECLARE
    unopened uuid[] := '{}';
    won      uuid[];
BEGIN
    IF p_opened IS NOT NULL THEN
        WITH made AS (
            INSERT INTO chat_session (id, account_id, client_id, topic, status, notice_version, notice_digest, notice_language,
                notice_acknowledged_at, identity_assurance, authenticator_assurance, authenticated_at, opened_at)
            SELECT id, account_id, client_id, topic, 'waiting', notice_version, notice_digest, notice_language,
                acknowledged_at, identity_assurance, authenticator_assurance, authenticated_at, at
            FROM jsonb_to_recordset(p_opened) AS o (id uuid, account_id text, client_id uuid, topic text, notice_version text,
                notice_digest text, notice_language text, acknowledged_at timestamptz, identity_assurance smallint,
                authenticator_assurance smallint, authenticated_at timestamptz, at timestamptz)
            ORDER BY account_id, client_id
            ON CONFLICT DO NOTHING RETURNING id
        )
        SELECT array(SELECT o.id FROM jsonb_to_recordset(p_opened) AS o (id uuid) EXCEPT SELECT id FROM made) INTO unopened;
    END IF;

    WITH added AS (
        INSERT INTO session_entry (session_id, seq, entry_id, kind, value)
        SELECT t.session_id, t.seq, t.entry_id, t.kind, t.value
        FROM unnest(p_session, p_seq, p_entry, p_kind, p_value) WITH ORDINALITY AS t (session_id, seq, entry_id, kind, value, n)
        WHERE t.n <= p_firsts AND t.session_id <> ALL (unopened)
        ORDER BY t.n
        ON CONFLICT DO NOTHING RETURNING session_id
    )
    SELECT array_agg(session_id) INTO won FROM added;

    lost := '{}';
    IF coalesce(cardinality(won), 0) < p_firsts THEN
        lost := array(SELECT unnest(p_session[1:p_firsts]) EXCEPT SELECT unnest(won));
    END IF;

    IF cardinality(p_session) > p_firsts THEN
        INSERT INTO session_entry (session_id, seq, entry_id, kind, value)
        SELECT t.session_id, t.seq, t.entry_id, t.kind, t.value
        FROM unnest(p_session, p_seq, p_entry, p_kind, p_value) WITH ORDINALITY AS t (session_id, seq, entry_id, kind, value, n)
        WHERE t.n > p_firsts AND t.session_id <> ALL (lost)
        ORDER BY t.n;
    END IF;

    INSERT INTO outbox (topic, key, value, headers)
    SELECT 'chat.message', t.session_id::text, t.value, t.headers
    FROM unnest(p_session, p_value, p_headers) WITH ORDINALITY AS t (session_id, value, headers, n)
    WHERE t.session_id <> ALL (lost)
    ORDER BY t.n;

    IF p_joined IS NOT NULL THEN
        INSERT INTO participant (id, session_id, principal_id, role, display_name, pin, office, region, joined_at)
        SELECT id, session_id, principal_id, role, display_name, pin, office, region, at
        FROM jsonb_to_recordset(p_joined) AS j (id uuid, session_id uuid, principal_id text, role text, display_name text,
            pin text, office text, region text, at timestamptz)
        WHERE session_id <> ALL (lost);
        UPDATE chat_session s SET status = 'active'
        FROM jsonb_to_recordset(p_joined) AS j (session_id uuid, role text)
        WHERE s.id = j.session_id AND j.role <> 'customer' AND j.session_id <> ALL (lost);
    END IF;

    IF p_closed IS NOT NULL THEN
        UPDATE chat_session s
        SET status = 'closed', closed_at = c.at, close_reason = c.reason, last_seq = c.seq, digest = c.digest
        FROM jsonb_to_recordset(p_closed) AS c (session_id uuid, at timestamptz, reason text, seq int, digest text)
        WHERE s.id = c.session_id AND c.session_id <> ALL (lost);
        INSERT INTO outbox (topic, key, value, headers)
        SELECT t.topic, t.key, convert_to(t.value, 'UTF8'), t.headers
        FROM jsonb_to_recordset(p_closed) AS c (session_id uuid, told jsonb),
             jsonb_to_recordset(c.told) AS t (topic text, key text, value text, headers text)
        WHERE c.session_id <> ALL (lost);
    END IF;

    PERFORM pg_notify('outbox', '');
END $$;
"""


def upgrade() -> None:
    execute_script(MESSAGING_V1 + AUDIT_V1 + TABLES + APPEND)
