"""What is sealed or blinded can be written anew under a later version of the service's key; the account stands sealed too."""

from common.migrations import execute_script
from common.protection.service_keys import SEALED_ANEW_V1

revision = "0007"
down_revision = "0006"

SCRIPT = SEALED_ANEW_V1 + """
DO $$ BEGIN
    IF EXISTS (SELECT FROM individual_request WHERE account IS NOT NULL) THEN
        RAISE EXCEPTION 'requests whose account stands in the index alone cannot be carried over: begin with an empty database';
    END IF;
END $$;
ALTER TABLE individual_request ADD COLUMN account_sealed bytea,
    ADD CONSTRAINT account_is_kept_sealed_too CHECK ((account IS NULL) = (account_sealed IS NULL));
COMMENT ON COLUMN individual_request.account_sealed IS 'Sealed: the account behind the blind index, which is made anew from it';

DROP TRIGGER append_only ON accounting;
CREATE TRIGGER append_only BEFORE DELETE OR TRUNCATE ON accounting
    FOR EACH STATEMENT EXECUTE FUNCTION history_is_append_only();
CREATE TRIGGER sealed_anew_only BEFORE UPDATE ON accounting
    FOR EACH ROW EXECUTE FUNCTION sealed_anew_only('recipient_name', 'recipient_address');

DROP TRIGGER append_only ON individual_step;
CREATE TRIGGER append_only BEFORE DELETE OR TRUNCATE ON individual_step
    FOR EACH STATEMENT EXECUTE FUNCTION history_is_append_only();
CREATE TRIGGER sealed_anew_only BEFORE UPDATE ON individual_step
    FOR EACH ROW EXECUTE FUNCTION sealed_anew_only('letter');

DROP TRIGGER append_only ON individual_decision;
CREATE TRIGGER append_only BEFORE DELETE OR TRUNCATE ON individual_decision
    FOR EACH STATEMENT EXECUTE FUNCTION history_is_append_only();
CREATE TRIGGER sealed_anew_only BEFORE UPDATE ON individual_decision
    FOR EACH ROW EXECUTE FUNCTION sealed_anew_only('reason');

CREATE OR REPLACE FUNCTION receipt_is_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.kind, NEW.received_on, NEW.taken_by, NEW.taken_at) IS DISTINCT FROM (OLD.kind, OLD.received_on, OLD.taken_by, OLD.taken_at)
       OR NOT sealed_anew(OLD.account, NEW.account) OR NOT sealed_anew(OLD.account_sealed, NEW.account_sealed) THEN
        RAISE EXCEPTION 'individual_request: what was received, when and from whom never changes'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE FUNCTION statement_is_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.record_id, NEW.request_id, NEW.filed_on) IS DISTINCT FROM (OLD.record_id, OLD.request_id, OLD.filed_on)
       OR NOT sealed_anew(OLD.portion, NEW.portion) OR NOT sealed_anew(OLD.statement, NEW.statement) THEN
        RAISE EXCEPTION 'record_dispute: a statement stays with its record, as it was made' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
COMMENT ON COLUMN accounting.recipient_name IS 'Sealed: version, nonce, ciphertext and tag';
"""


def upgrade() -> None:
    execute_script(SCRIPT)
