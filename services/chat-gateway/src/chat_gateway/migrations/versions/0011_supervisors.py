"""What supervisors whisper stands among the notes, for one employee alone; and a copy of who supervises whom."""

from common.migrations import execute_script

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

TABLES = """
ALTER TABLE session_note
    ADD COLUMN sort text NOT NULL DEFAULT 'note' CONSTRAINT session_note_sort CHECK (sort IN ('note', 'whisper', 'monitored')),
    ADD COLUMN addressee uuid,
    ADD CONSTRAINT session_note_addressed CHECK ((sort = 'note') = (addressee IS NULL));
COMMENT ON COLUMN session_note.addressee IS 'The employee for whom alone it is; none: for colleagues who have the session';

CREATE TABLE chart_place (
    id          uuid PRIMARY KEY,
    employee_id uuid NOT NULL,
    employee    bytea NOT NULL,
    sealed      bytea NOT NULL,
    valid_from  date NOT NULL,
    valid_to    date CONSTRAINT chart_place_order CHECK (valid_to > valid_from)
);
COMMENT ON TABLE chart_place IS 'Who stood under a supervisor, and when: a copy of what production tells, replaced with each change';
COMMENT ON COLUMN chart_place.sealed IS 'The numbers of the employee and of the supervisor, under the service''s key';
CREATE INDEX chart_place_employee ON chart_place (employee);
CREATE INDEX chart_place_told ON chart_place (employee_id);
"""


def upgrade() -> None:
    execute_script(TABLES)
