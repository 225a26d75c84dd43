"""PINs, and the numbers that name a requestor, are sealed and found by a keyed hash; a case is named in the open by its receipt."""

from common.migrations import execute_script
from common.protection.service_keys import SERVICE_KEY_V1

revision = "0004"
down_revision = "0003"

SCRIPT = SERVICE_KEY_V1 + """
DO $$ BEGIN
    IF EXISTS (SELECT FROM employee) OR EXISTS (SELECT FROM action) THEN
        RAISE EXCEPTION 'PINs from before sealing cannot be carried over: begin with an empty database';
    END IF;
END $$;

ALTER TABLE employee DROP COLUMN pin,
    ADD COLUMN who bytea NOT NULL CONSTRAINT employee_who_is_a_hash CHECK (length(who) = 34),
    ADD COLUMN pin bytea NOT NULL CONSTRAINT employee_pin_is_sealed CHECK (length(pin) BETWEEN 31 AND 62),
    ADD CONSTRAINT employee_once UNIQUE (who);
COMMENT ON COLUMN employee.who IS 'Blind index of the PIN: version and keyed hash';
COMMENT ON COLUMN employee.pin IS 'Sealed: the PIN. What it may not be, the service looks at before it seals';

ALTER TABLE assignment DROP CONSTRAINT assignment_holds_no_ssn;
DROP INDEX assignment_supervisor;
ALTER TABLE assignment DROP COLUMN supervisor_pin, ADD COLUMN supervisor_id uuid REFERENCES employee,
    ADD CONSTRAINT assignment_holds_no_ssn CHECK (NOT holds_ssn(office || ' | ' || region || ' | ' || recorded_by)),
    ADD CONSTRAINT assignment_nobody_supervises_themselves CHECK (supervisor_id <> employee_id);
CREATE INDEX assignment_supervisor ON assignment (supervisor_id, valid_from) WHERE superseded_at IS NULL;

ALTER TABLE action DROP CONSTRAINT action_holds_no_ssn;
DROP INDEX action_of_employee;
ALTER TABLE action DROP COLUMN employee_pin, DROP COLUMN case_number,
    ADD COLUMN employee_id uuid NOT NULL REFERENCES employee,
    ADD COLUMN receipt text NOT NULL CONSTRAINT action_receipt_is_one CHECK (receipt ~ '^([A-Z]{3}[0-9]{10})?$'),
    ADD COLUMN requestor bytea CONSTRAINT action_requestor_is_a_hash CHECK (length(requestor) = 34),
    ADD COLUMN requestor_number bytea CONSTRAINT action_number_is_sealed CHECK (length(requestor_number) BETWEEN 37 AND 42),
    ADD CONSTRAINT action_is_of_one_case CHECK ((requestor IS NULL) = (requestor_number IS NULL)
        AND (receipt = '' OR requestor IS NULL)),
    ADD CONSTRAINT action_holds_no_ssn CHECK (NOT holds_ssn(form_type || ' | ' || hour_type || ' | ' || outcome || ' | '
        || office || ' | ' || region || ' | ' || receipt || ' | ' || source));
COMMENT ON COLUMN action.receipt IS 'Receipt number, which names a case and nobody; empty where the case has another number or none';
COMMENT ON COLUMN action.requestor IS 'Blind index of the A-Number or online account number';
COMMENT ON COLUMN action.requestor_number IS 'Sealed: the A-Number or online account number';
CREATE INDEX action_of_employee ON action (employee_id, completed_at);
"""


def upgrade() -> None:
    execute_script(SCRIPT)
