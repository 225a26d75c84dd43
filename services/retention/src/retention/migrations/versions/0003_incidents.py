"""Records of incidents, and when a record was closed where that is told later than that it came about."""

from common.migrations import execute_script

revision = "0003"
down_revision = "0002"

SCRIPT = """
ALTER TABLE record DROP CONSTRAINT record_kind_is_known;
ALTER TABLE record ADD CONSTRAINT record_kind_is_known CHECK
    (kind IN ('transcript', 'action', 'disclosure_request', 'disclosure_decision', 'incident'));

CREATE TABLE record_closing (
    record_id uuid PRIMARY KEY,
    closed_at timestamptz NOT NULL
);
COMMENT ON TABLE record_closing IS 'When a record was closed, told after it came about; the first word of it counts';
CREATE TRIGGER closing_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON record_closing
    FOR EACH STATEMENT EXECUTE FUNCTION record_stays();
"""


def upgrade() -> None:
    execute_script(SCRIPT)
