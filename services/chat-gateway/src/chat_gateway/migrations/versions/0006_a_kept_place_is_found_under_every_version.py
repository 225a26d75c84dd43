"""A kept place is found under every living version of the service's key, not only the one that is written with now."""

from common.migrations import execute_script

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

# One condition of `place_sessions` alone, so that the rest of it is not said twice.
SCRIPT = """
DO $$
DECLARE
    said   text := pg_get_functiondef('place_sessions(jsonb)'::regprocedure);
    before text := 'k.account = decode(o.account, ''hex'')';
BEGIN
    IF position(before IN said) = 0 THEN
        RAISE EXCEPTION 'place_sessions does not look for the account of a kept place as it did';
    END IF;
    EXECUTE replace(said, before, 'encode(k.account, ''hex'') = ANY (string_to_array(o.account, '',''))');
END $$;
"""


def upgrade() -> None:
    execute_script(SCRIPT)
