"""Nobody decides what they asked themselves: who is signed in and asks is known, and is no official of that request."""

from common.migrations import execute_script

revision = "0006"
down_revision = "0005"

SCRIPT = """
CREATE FUNCTION who_asks_never_decides() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM individual_request
               WHERE id = NEW.request_id AND account IS NOT NULL AND taken_by = NEW.decided_by) THEN
        RAISE EXCEPTION 'individual_decision: who asks never decides' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER not_by_who_asks BEFORE INSERT ON individual_decision
    FOR EACH ROW EXECUTE FUNCTION who_asks_never_decides();
"""


def upgrade() -> None:
    execute_script(SCRIPT)
