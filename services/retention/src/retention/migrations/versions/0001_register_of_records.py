"""The register of records; tables for events and the audit trail."""

from common.messaging.schema import AUDIT_V1, MESSAGING_V1
from common.migrations import execute_script

revision = "0001"
down_revision = None

REGISTER = """
CREATE TABLE record (
    record_id     uuid PRIMARY KEY,
    position      bigint GENERATED ALWAYS AS IDENTITY,
    kind          text NOT NULL,
    series        text NOT NULL,
    owner         text NOT NULL,
    related_id    uuid,
    created_at    timestamptz NOT NULL,
    closed_at     timestamptz,
    registered_at timestamptz NOT NULL,
    status        text NOT NULL DEFAULT 'UNSCHEDULED',
    CONSTRAINT record_position_once UNIQUE (position),
    CONSTRAINT record_kind_is_known CHECK
        (kind IN ('transcript', 'action', 'disclosure_request', 'disclosure_decision')),
    CONSTRAINT record_status_is_known CHECK (status = 'UNSCHEDULED'),
    CONSTRAINT record_opens_before_it_closes CHECK (closed_at >= created_at)
);
COMMENT ON TABLE record IS 'Every record of the platform, once: where it is, what it belongs to, since when. No person''s values';
COMMENT ON COLUMN record.related_id IS 'Of a decision: the request it decides. The first final decision closes the request';
CREATE INDEX record_by_kind ON record (kind, position);
CREATE INDEX record_related ON record (related_id) WHERE related_id IS NOT NULL;

CREATE FUNCTION record_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a line of the register is never changed or removed' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER record_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON record
    FOR EACH STATEMENT EXECUTE FUNCTION record_stays();
"""


def upgrade() -> None:
    execute_script(MESSAGING_V1 + AUDIT_V1 + REGISTER)
