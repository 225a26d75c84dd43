"""The index by which the totals of offices are found."""

from common.migrations import execute_script

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    execute_script("CREATE INDEX action_of_office ON action (office, completed_at);")
