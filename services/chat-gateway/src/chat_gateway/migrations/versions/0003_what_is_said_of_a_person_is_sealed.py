"""What the store says of a person is sealed under the session's key, and accounts are found by a blind index."""

from common.migrations import execute_script
from common.protection.service_keys import SERVICE_KEY_V1

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

# The running digest covers something else now, so a conversation from before cannot be carried over; none was real.
TABLES = """
DO $$ BEGIN
    IF EXISTS (SELECT FROM session_entry) OR EXISTS (SELECT FROM outbox) THEN
        RAISE EXCEPTION 'sessions from before sealing cannot be carried over: begin with an empty database';
    END IF;
END $$;

ALTER TABLE chat_session DROP COLUMN account_id;
ALTER TABLE chat_session ADD COLUMN account bytea NOT NULL, ADD COLUMN key_id uuid NOT NULL,
    ADD CONSTRAINT chat_session_opened_once UNIQUE (account, client_id);
COMMENT ON COLUMN chat_session.account IS 'Blind index of the account: version and keyed hash';
COMMENT ON COLUMN chat_session.key_id IS 'The key of the keyring under which everything said of a person is sealed';

ALTER TABLE participant DROP CONSTRAINT participant_employee;
ALTER TABLE participant DROP COLUMN principal_id, DROP COLUMN display_name, DROP COLUMN pin;
ALTER TABLE participant ADD COLUMN who bytea NOT NULL, ADD COLUMN sealed bytea NOT NULL,
    ADD CONSTRAINT participant_once UNIQUE (session_id, who),
    ADD CONSTRAINT participant_employee CHECK (role = 'customer' OR (office <> '' AND region <> ''));
COMMENT ON COLUMN participant.who IS 'Blind index of the account or user';
COMMENT ON COLUMN participant.sealed IS 'Account, display name and PIN as they were then, under the session''s key';

COMMENT ON TABLE session_entry IS 'Entries 1..n of each session; value is the JSON that was told, byte for byte, its pii sealed';
"""

# The same as before, but for what is sealed.
APPEND = """
CREATE OR REPLACE FUNCTION append_entries(
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
            INSERT INTO chat_session (id, account, key_id, client_id, topic, status, notice_version, notice_digest, notice_language,
                notice_acknowledged_at, identity_assurance, authenticator_assurance, authenticated_at, opened_at)
            SELECT id, decode(account, 'hex'), key_id, client_id, topic, 'waiting', notice_version, notice_digest, notice_language,
                acknowledged_at, identity_assurance, authenticator_assurance, authenticated_at, at
            FROM jsonb_to_recordset(p_opened) AS o (id uuid, account text, key_id uuid, client_id uuid, topic text, notice_version text,
                notice_digest text, notice_language text, acknowledged_at timestamptz, identity_assurance smallint,
                authenticator_assurance smallint, authenticated_at timestamptz, at timestamptz)
            ORDER BY account, client_id
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
        INSERT INTO participant (id, session_id, who, role, sealed, office, region, joined_at)
        SELECT id, session_id, decode(who, 'hex'), role, decode(sealed, 'hex'), office, region, at
        FROM jsonb_to_recordset(p_joined) AS j (id uuid, session_id uuid, who text, role text, sealed text,
            office text, region text, at timestamptz)
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
    execute_script(SERVICE_KEY_V1 + TABLES + APPEND)
