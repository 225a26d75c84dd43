"""Who listens stands in the database, so that an end is recorded whatever becomes of a process; steps of a wait that is too long."""

from common.migrations import execute_script

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE watch (
    id         uuid PRIMARY KEY,
    session_id uuid NOT NULL REFERENCES chat_session (id) ON DELETE CASCADE,
    agent_id   uuid NOT NULL,
    supervisor text NOT NULL CONSTRAINT watch_supervisor CHECK (supervisor <> ''),
    purpose    text NOT NULL CONSTRAINT watch_purpose CHECK (purpose <> ''),
    terminal   text NOT NULL CONSTRAINT watch_terminal CHECK (terminal <> ''),
    began_at   timestamptz NOT NULL,
    seen_at    timestamptz NOT NULL,
    entered_at timestamptz,
    ended_at   timestamptz
);
COMMENT ON TABLE watch IS 'A supervisor listens to the conversation of an employee: from when, until when, for what';
COMMENT ON COLUMN watch.id IS 'As whom they listen; the audit entries of beginning and end name it';
COMMENT ON COLUMN watch.agent_id IS 'The participant to whom is listened';
COMMENT ON COLUMN watch.supervisor IS 'User id';
COMMENT ON COLUMN watch.terminal IS 'Network terminal from which it began: the record of its end names it where nobody else can';
COMMENT ON COLUMN watch.seen_at IS 'When somebody heard it last; long after that it has ended';
COMMENT ON COLUMN watch.entered_at IS 'Since when they take part for everybody to see';
CREATE INDEX watch_living ON watch (session_id, supervisor) WHERE ended_at IS NULL;
CREATE INDEX watch_seen ON watch (seen_at) WHERE ended_at IS NULL;

ALTER TABLE placement
    ADD COLUMN step smallint NOT NULL DEFAULT 0 CONSTRAINT placement_step CHECK (step >= 0),
    ADD COLUMN rerouted_at timestamptz;
COMMENT ON COLUMN placement.step IS 'How many steps of its topic for too long a wait were made; they count for the wait in which they were';
ALTER TABLE assignment
    DROP CONSTRAINT assignment_how,
    ADD CONSTRAINT assignment_how CHECK (how IN ('offer', 'pick', 'transfer', 'reroute')),
    DROP CONSTRAINT assignment_outcome,
    ADD CONSTRAINT assignment_outcome
        CHECK (outcome IN ('accepted', 'declined', 'lapsed', 'withdrawn', 'superseded', 'rerouted'));
"""


def upgrade() -> None:
    execute_script(TABLES)
