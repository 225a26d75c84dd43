"""Entries, assemblies, transcripts with their parties, and what could not be sealed."""

from common.messaging.schema import AUDIT_V1, MESSAGING_V1
from common.migrations import execute_script

revision = "0001"
down_revision = None

SCRIPT = """
CREATE TABLE entry (
    session_id uuid NOT NULL,
    seq        int  NOT NULL CHECK (seq >= 1),
    kind       text NOT NULL,
    digest     bytea NOT NULL,
    canonical  bytea NOT NULL,
    PRIMARY KEY (session_id, seq)
);
COMMENT ON TABLE entry IS 'Every entry of every session, as it was said. Never changed, from the moment it is kept';
COMMENT ON COLUMN entry.canonical IS 'The bytes that the running digest covers; they hold a person''s values';

CREATE TABLE assembly (
    session_id uuid PRIMARY KEY,
    held       int  NOT NULL,
    top_seq    int  NOT NULL,
    last_seq   int,
    closed_at  timestamptz,
    state      text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'sealed'))
) WITH (fillfactor = 80);
COMMENT ON TABLE assembly IS 'What is held of each session; its row is the lock under which entries are added and sealed';
CREATE INDEX assembly_open ON assembly (closed_at) WHERE state = 'open';

CREATE TABLE transcript (
    id                      uuid PRIMARY KEY,
    session_id              uuid NOT NULL UNIQUE,
    opened_at               timestamptz NOT NULL,
    closed_at               timestamptz NOT NULL,
    sealed_at               timestamptz NOT NULL,
    last_seq                int  NOT NULL,
    message_count           int  NOT NULL,
    digest                  text NOT NULL CHECK (length(digest) = 64),
    content_hash            text NOT NULL CHECK (length(content_hash) = 64),
    chat_topic              text NOT NULL,
    office                  text NOT NULL,
    close_reason            text NOT NULL,
    identity_assurance      int  NOT NULL,
    authenticator_assurance int  NOT NULL,
    notice_version          text NOT NULL
);
COMMENT ON TABLE transcript IS 'Sealed transcripts. The row cannot be changed';
CREATE INDEX transcript_topic ON transcript (chat_topic, id);
CREATE INDEX transcript_opened ON transcript (opened_at);

CREATE TABLE party (
    transcript_id  uuid NOT NULL REFERENCES transcript,
    participant_id uuid NOT NULL,
    kind           text NOT NULL CHECK (kind IN ('account', 'pin')),
    blind          bytea NOT NULL,
    office         text NOT NULL,
    region         text NOT NULL,
    PRIMARY KEY (transcript_id, participant_id)
);
COMMENT ON TABLE party IS 'Who took part, for retrieval: numbers stand under a keyed hash only';
CREATE INDEX party_blind ON party (blind, transcript_id);
CREATE INDEX party_office ON party (office, transcript_id) WHERE kind = 'pin';

CREATE TABLE seal_failure (
    session_id  uuid PRIMARY KEY,
    rule        text NOT NULL,
    first_seq   int  NOT NULL,
    found_at    timestamptz NOT NULL,
    attempts    int  NOT NULL DEFAULT 1,
    resolved_at timestamptz
);
COMMENT ON TABLE seal_failure IS 'Sessions that are complete by number and were refused the seal';

CREATE FUNCTION sealed_is_final() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%: what was captured or sealed is never changed or removed', TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER entry_is_final BEFORE UPDATE OR DELETE OR TRUNCATE ON entry
    FOR EACH STATEMENT EXECUTE FUNCTION sealed_is_final();
CREATE TRIGGER transcript_is_final BEFORE UPDATE OR DELETE OR TRUNCATE ON transcript
    FOR EACH STATEMENT EXECUTE FUNCTION sealed_is_final();
CREATE TRIGGER party_is_final BEFORE UPDATE OR DELETE OR TRUNCATE ON party
    FOR EACH STATEMENT EXECUTE FUNCTION sealed_is_final();

CREATE FUNCTION sealed_takes_no_more() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM added JOIN transcript USING (session_id)) THEN
        RAISE EXCEPTION 'entry: the session is sealed' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER entry_only_before_the_seal AFTER INSERT ON entry REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION sealed_takes_no_more();
"""


def upgrade() -> None:
    execute_script(MESSAGING_V1)
    execute_script(AUDIT_V1)
    execute_script(SCRIPT)
