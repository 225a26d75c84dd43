"""Who gets a conversation: places in the queue and ownership, agents at their desks, assignments with their reasons."""

from common.migrations import execute_script

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE placement (
    session_id   uuid PRIMARY KEY REFERENCES chat_session (id) ON DELETE CASCADE,
    topic        text NOT NULL,
    language     text NOT NULL,
    stage        text NOT NULL CONSTRAINT placement_stage
                 CHECK (stage IN ('waiting', 'offered', 'active', 'transferring', 'held')),
    since        timestamptz NOT NULL,
    ranked_at    timestamptz NOT NULL,
    owner        text NOT NULL DEFAULT '',
    asked        text NOT NULL DEFAULT '',
    until        timestamptz,
    look_at      timestamptz,
    priority     text,
    left_message boolean NOT NULL DEFAULT false,
    seen_at      timestamptz NOT NULL,
    queued_at    timestamptz NOT NULL,
    queued_place int NOT NULL,
    CONSTRAINT placement_one_owner CHECK ((owner <> '') = (stage IN ('active', 'transferring', 'held'))),
    CONSTRAINT placement_one_asked CHECK ((asked <> '' AND until IS NOT NULL) = (stage IN ('offered', 'transferring'))),
    CONSTRAINT placement_asks_another CHECK (asked = '' OR asked <> owner)
);
COMMENT ON TABLE placement IS 'Sessions that are not closed: a place in the queue, or an owner; a working set, the entries are the record';
COMMENT ON COLUMN placement.since IS 'The place in the queue, kept until the end';
COMMENT ON COLUMN placement.ranked_at IS 'The place less the head start of a recorded reason: what the queue is ordered by';
COMMENT ON COLUMN placement.owner IS 'User id of the employee who has it';
COMMENT ON COLUMN placement.asked IS 'User id of the employee who was asked to take it and has not answered';
COMMENT ON COLUMN placement.until IS 'When the question lapses';
COMMENT ON COLUMN placement.look_at IS 'When the gateway looks next whether time changes anything: a hold, a silence';
COMMENT ON COLUMN placement.seen_at IS 'When the customer was connected last, while the session waits';
COMMENT ON COLUMN placement.queued_place IS 'Which place it had in its queue when it came, for the record of waits';
CREATE INDEX placement_queue ON placement (ranked_at, since, session_id) WHERE stage = 'waiting';
CREATE INDEX placement_asked ON placement (asked) WHERE asked <> '';
CREATE INDEX placement_owner ON placement (owner) WHERE owner <> '';
CREATE INDEX placement_look ON placement (look_at) WHERE look_at IS NOT NULL;

CREATE TABLE desk (
    agent        text PRIMARY KEY,
    designations text[] NOT NULL,
    languages    text[] NOT NULL,
    office       text NOT NULL,
    region       text NOT NULL,
    capacity     int NOT NULL CONSTRAINT desk_capacity CHECK (capacity >= 1),
    available    boolean NOT NULL,
    seen_at      timestamptz NOT NULL,
    last_assigned_at timestamptz
);
COMMENT ON TABLE desk IS 'Employees who take conversations: what their token says they may take, and whether they are there';
COMMENT ON COLUMN desk.agent IS 'User id';

CREATE TABLE assignment (
    id         uuid PRIMARY KEY,
    session_id uuid NOT NULL,
    at         timestamptz NOT NULL,
    how        text NOT NULL CONSTRAINT assignment_how CHECK (how IN ('offer', 'pick', 'transfer')),
    rule       text NOT NULL,
    agent      text NOT NULL,
    by_agent   text NOT NULL DEFAULT '',
    facts      jsonb NOT NULL,
    skipped    jsonb NOT NULL,
    outcome    text CONSTRAINT assignment_outcome
               CHECK (outcome IN ('accepted', 'declined', 'lapsed', 'withdrawn', 'superseded')),
    reason     text NOT NULL DEFAULT '',
    ended_at   timestamptz,
    CONSTRAINT assignment_end CHECK ((outcome IS NULL) = (ended_at IS NULL))
);
COMMENT ON TABLE assignment IS 'Who was asked to take which session, by which rule, and why each of the others was not: evidence in a grievance';
CREATE INDEX assignment_session ON assignment (session_id, at);
CREATE INDEX assignment_open ON assignment (session_id) WHERE outcome IS NULL;

CREATE TABLE prioritisation (
    id         uuid PRIMARY KEY,
    session_id uuid NOT NULL,
    at         timestamptz NOT NULL,
    reason     text NOT NULL CONSTRAINT prioritisation_reason CHECK (reason <> ''),
    given_by   text NOT NULL CONSTRAINT prioritisation_giver CHECK (given_by <> '')
);
COMMENT ON TABLE prioritisation IS 'Which employee moved a session forward in the queue, and for which coded reason';
CREATE INDEX prioritisation_session ON prioritisation (session_id, at);

CREATE TABLE wait (
    session_id uuid NOT NULL,
    topic      text NOT NULL,
    language   text NOT NULL,
    place      int NOT NULL,
    began      timestamptz NOT NULL,
    ended      timestamptz NOT NULL,
    PRIMARY KEY (session_id, began)
);
COMMENT ON TABLE wait IS 'How long people waited, from which place: what intervals for others are made from';
CREATE INDEX wait_newest ON wait (topic, language, ended);

CREATE TABLE kept_place (
    digest      bytea PRIMARY KEY,
    account     bytea NOT NULL,
    topic       text NOT NULL,
    language    text NOT NULL,
    since       timestamptz NOT NULL,
    made_at     timestamptz NOT NULL,
    valid_until timestamptz NOT NULL,
    used_by     uuid
);
COMMENT ON TABLE kept_place IS 'Places in the queue that somebody may come back to, once; the token itself is not kept, only its digest';
COMMENT ON COLUMN kept_place.account IS 'Blind index of the account';
"""

# What `append_entries` does, and with it the placement of the sessions that turned: opened, taken, handed on, closed.
# The entries decide (their primary key is the compare-and-swap); the placement follows in the same transaction.
APPEND = """
CREATE FUNCTION append_turns(
    p_firsts  int,
    p_session uuid[], p_seq int[], p_entry uuid[], p_kind text[], p_value bytea[], p_headers text[],
    p_opened  jsonb, p_joined jsonb, p_closed jsonb,
    p_turned  jsonb,   -- how these sessions stand after the last of their entries
    OUT lost  uuid[]
) LANGUAGE plpgsql AS $$
BEGIN
    lost := append_entries(p_firsts, p_session, p_seq, p_entry, p_kind, p_value, p_headers, p_opened, p_joined, p_closed);
    PERFORM place_sessions(
        (SELECT coalesce(jsonb_agg(t), '[]') FROM jsonb_array_elements(p_turned) AS t
         WHERE (t ->> 'session_id')::uuid <> ALL (lost))
    );
END $$;

CREATE FUNCTION place_sessions(p_turned jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    -- Opened: a place in the queue, the one that was kept for this account if there is one.
    WITH opened AS (
        SELECT * FROM jsonb_to_recordset(p_turned) AS t (session_id uuid, fresh boolean, stage text, topic text, language text,
            at timestamptz, left_message boolean, kept text, account text)
        WHERE t.fresh AND t.stage <> 'closed'
    ), kept AS (
        UPDATE kept_place k SET used_by = o.session_id
        FROM opened o
        WHERE k.digest = decode(o.kept, 'hex') AND k.account = decode(o.account, 'hex') AND k.topic = o.topic
          AND k.used_by IS NULL AND k.valid_until > o.at
        RETURNING o.session_id, k.since
    )
    INSERT INTO placement (session_id, topic, language, stage, since, ranked_at, left_message, seen_at, queued_at, queued_place)
    SELECT o.session_id, o.topic, o.language, 'waiting', coalesce(k.since, o.at), coalesce(k.since, o.at), o.left_message, o.at, o.at,
        1 + (SELECT count(*) FROM placement p WHERE p.topic = o.topic AND p.language = o.language
             AND p.stage IN ('waiting', 'offered') AND p.ranked_at < coalesce(k.since, o.at))
    FROM opened o LEFT JOIN kept k USING (session_id);

    -- Taken: how long it waited is kept for the intervals of others. A message that was left waited for nobody.
    INSERT INTO wait (session_id, topic, language, place, began, ended)
    SELECT p.session_id, p.topic, p.language, p.queued_place, p.queued_at, t.at
    FROM jsonb_to_recordset(p_turned) AS t (session_id uuid, stage text, at timestamptz) JOIN placement p USING (session_id)
    WHERE t.stage = 'active' AND p.stage IN ('waiting', 'offered') AND NOT p.left_message
    ON CONFLICT DO NOTHING;

    UPDATE assignment a
    SET outcome = CASE WHEN a.agent = t.owner THEN 'accepted' ELSE 'superseded' END, ended_at = t.at
    FROM jsonb_to_recordset(p_turned) AS t (session_id uuid, owner text, at timestamptz)
    WHERE a.session_id = t.session_id AND a.outcome IS NULL;

    UPDATE placement p
    SET stage = t.stage, owner = t.owner, topic = t.topic, asked = '', until = NULL, look_at = t.look_at,
        seen_at = CASE WHEN t.stage = 'waiting' THEN t.at ELSE p.seen_at END,
        queued_at = CASE WHEN t.stage = 'waiting' THEN t.at ELSE p.queued_at END,
        queued_place = CASE WHEN t.stage <> 'waiting' THEN p.queued_place ELSE
            1 + (SELECT count(*) FROM placement o WHERE o.topic = t.topic AND o.language = p.language
                 AND o.stage IN ('waiting', 'offered') AND o.ranked_at < p.ranked_at) END
    FROM jsonb_to_recordset(p_turned) AS t (session_id uuid, fresh boolean, stage text, owner text, topic text,
        look_at timestamptz, at timestamptz)
    WHERE p.session_id = t.session_id AND t.stage <> 'closed'
      AND NOT (t.fresh AND t.stage = 'waiting');

    UPDATE chat_session s SET status = CASE t.stage WHEN 'waiting' THEN 'waiting' ELSE 'active' END
    FROM jsonb_to_recordset(p_turned) AS t (session_id uuid, fresh boolean, stage text)
    WHERE s.id = t.session_id AND NOT t.fresh AND t.stage <> 'closed';

    -- Picked by an agent whom nobody had asked.
    INSERT INTO assignment (id, session_id, at, how, rule, agent, facts, skipped, outcome, ended_at)
    SELECT t.pick, t.session_id, t.at, 'pick', 'picked-by-hand', t.owner, '{}', '[]', 'accepted', t.at
    FROM jsonb_to_recordset(p_turned) AS t (session_id uuid, pick uuid, stage text, owner text, at timestamptz)
    WHERE t.pick IS NOT NULL AND t.owner <> '' AND t.stage <> 'closed' AND NOT EXISTS (
        SELECT FROM assignment a WHERE a.session_id = t.session_id AND a.agent = t.owner AND a.outcome = 'accepted' AND a.ended_at = t.at
    );

    DELETE FROM placement p USING jsonb_to_recordset(p_turned) AS t (session_id uuid, stage text)
    WHERE p.session_id = t.session_id AND t.stage = 'closed';
END $$;
"""


def upgrade() -> None:
    execute_script(TABLES + APPEND)
