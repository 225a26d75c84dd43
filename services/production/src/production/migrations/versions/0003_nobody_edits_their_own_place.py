"""Who edits the organisation chart is an employee, and never the one whose place it is (separation of duties)."""

from common.migrations import execute_script

revision = "0003"
down_revision = "0002"

SCRIPT = """
ALTER TABLE assignment
    ADD COLUMN recorded_by_id uuid REFERENCES employee,
    ADD COLUMN superseded_by_id uuid REFERENCES employee,
    ADD CONSTRAINT assignment_is_not_ones_own CHECK (recorded_by_id <> employee_id AND superseded_by_id <> employee_id);
-- Rows from before name nobody by this column; from now on each does.
ALTER TABLE assignment
    ADD CONSTRAINT assignment_is_recorded_by_an_employee CHECK (recorded_by_id IS NOT NULL) NOT VALID,
    ADD CONSTRAINT assignment_is_superseded_by_an_employee
        CHECK ((superseded_at IS NULL) = (superseded_by_id IS NULL)) NOT VALID;
COMMENT ON COLUMN assignment.recorded_by_id IS 'The employee who entered it: never the one whose place it is';
"""


def upgrade() -> None:
    execute_script(SCRIPT)
