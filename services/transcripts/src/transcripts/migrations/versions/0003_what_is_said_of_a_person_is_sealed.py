"""What entries say of a person is kept sealed beside what the digest covers; the blind index stands by itself, in versions."""

from common.migrations import execute_script
from common.protection.service_keys import SERVICE_KEY_V1

revision = "0003"
down_revision = "0002"

# The running digest covers something else now, so a conversation from before cannot be carried over; none was real.
SCRIPT = """
DO $$ BEGIN
    IF EXISTS (SELECT FROM entry) THEN
        RAISE EXCEPTION 'transcripts from before sealing cannot be carried over: begin with an empty database';
    END IF;
END $$;

ALTER TABLE entry ADD COLUMN key_id uuid, ADD COLUMN sealed bytea,
    ADD CONSTRAINT entry_sealed_under_a_key CHECK ((key_id IS NULL) = (sealed IS NULL)),
    ADD CONSTRAINT entry_says_of_a_person_under_seal_only CHECK (position('"pii"'::bytea in canonical) = 0);
COMMENT ON COLUMN entry.canonical IS 'The bytes that the running digest covers: all of the entry but what it says of a person';
COMMENT ON COLUMN entry.sealed IS 'What it says of a person, as it came: nonce, ciphertext, tag';

ALTER TABLE party DROP COLUMN blind;
COMMENT ON TABLE party IS 'Who took part. Their numbers stand in the entries, sealed, and in party_index';

CREATE TABLE party_index (
    transcript_id  uuid NOT NULL,
    participant_id uuid NOT NULL,
    blind          bytea NOT NULL,
    PRIMARY KEY (transcript_id, participant_id, blind),
    FOREIGN KEY (transcript_id, participant_id) REFERENCES party
);
COMMENT ON TABLE party_index IS 'Numbers of parties under a keyed hash, its version in front: they can be sought and not read';
CREATE INDEX party_index_blind ON party_index (blind, transcript_id);
"""


def upgrade() -> None:
    execute_script(SERVICE_KEY_V1 + SCRIPT)
