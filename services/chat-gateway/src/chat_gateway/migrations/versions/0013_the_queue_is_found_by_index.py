"""The queue holds those who were offered to somebody too: its index has to, or each look reads every open session."""

from common.migrations import execute_script

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

UP = """
DROP INDEX placement_queue;
CREATE INDEX placement_queue ON placement (ranked_at, since, session_id) WHERE stage IN ('waiting', 'offered');
CREATE INDEX placement_line ON placement (topic, language, ranked_at) WHERE stage IN ('waiting', 'offered');
"""

DOWN = """
DROP INDEX placement_line;
DROP INDEX placement_queue;
CREATE INDEX placement_queue ON placement (ranked_at, since, session_id) WHERE stage = 'waiting';
"""


def upgrade() -> None:
    execute_script(UP)


def downgrade() -> None:
    execute_script(DOWN)
