"""${message}"""

from common.migrations import execute_script

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}

SCRIPT = """
"""


def upgrade() -> None:
    execute_script(SCRIPT)
