"""Name and address of the recipient of a disclosure are sealed under the service's own key."""

from common.migrations import execute_script

revision = "0004"
down_revision = "0003"

SCRIPT = """
DO $$ BEGIN
    IF EXISTS (SELECT FROM accounting) THEN
        RAISE EXCEPTION 'recipients from before sealing cannot be carried over: begin with an empty database';
    END IF;
END $$;

ALTER TABLE accounting DROP COLUMN recipient_name, DROP COLUMN recipient_address;
ALTER TABLE accounting
    ADD COLUMN recipient_name bytea NOT NULL CONSTRAINT accounting_names_the_recipient CHECK (length(recipient_name) > 30),
    ADD COLUMN recipient_address bytea NOT NULL
        CONSTRAINT accounting_says_the_address CHECK (length(recipient_address) > 30);
COMMENT ON COLUMN accounting.recipient_name IS 'Sealed: version, nonce, ciphertext and tag. Rows are final, so a version is kept as long as they are';
"""


def upgrade() -> None:
    execute_script(SCRIPT)
