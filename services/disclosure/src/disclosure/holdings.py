"""What this service keeps under its own key: the list by which it is rewritten when the key gets a new version."""

from collections.abc import Sequence

import asyncpg

from common.database import ReadSession
from common.protection.reseal_command import Holdings
from common.protection.resealing import Kept, Known, Place
from common.protection.service_keys import ColumnKeys
from common.settings import ServiceSettings
from disclosure.auditing import recipients
from disclosure.incidents.desk import ADVICE, ENDED, HOLDER, REASONS, REPORTED, STORY
from disclosure.incidents.desk import LETTER as NOTICE
from disclosure.individuals import store
from disclosure.individuals.desk import LETTER
from disclosure.individuals.informing import ANSWER, PORTION, STATEMENT
from disclosure.individuals.intake import MATTER, PERSON
from disclosure.individuals.tables import ACCOUNT_SEALED
from disclosure.individuals.working import REASON
from disclosure.informing.tables import place as notice_place
from disclosure.packages.desk import PARTICULARS, RECIPIENT
from disclosure.tables import place


def _of_accounting(column: str) -> Place:
    return lambda row: place(row["id"], column)


def _of_notice(column: str) -> Place:
    return lambda row: notice_place(row["id"], column)


def _of_individuals(where: str, *key: str) -> Place:
    return lambda row: f"{where}:{'/'.join(str(row[name]) for name in key)}"


async def _account(_: ReadSession, keys: ColumnKeys, rows: Sequence[asyncpg.Record]) -> Sequence[Known]:
    """The account stands sealed beside its index."""
    return [
        Known([(store.ACCOUNT, store.opened(keys, row["account_sealed"], ACCOUNT_SEALED, row["id"]))])
        if row["account_sealed"] is not None
        else Known()
        for row in rows
    ]


TABLES = (
    Kept(
        "accounting",
        {"id": "uuid"},
        {name: _of_accounting(name) for name in ("recipient_name", "recipient_address")},
    ),
    Kept("accounting_recipient", {"accounting_id": "uuid"}, blind={"name": recipients.behind}),
    Kept(
        "individual_request",
        {"id": "uuid"},
        {
            "person": _of_individuals(PERSON, "id"),
            "matter": _of_individuals(MATTER, "id"),
            "account_sealed": _of_individuals(ACCOUNT_SEALED, "id"),
        },
        {"account": _account},
    ),
    Kept(
        "individual_step",
        {"request_id": "uuid", "seq": "int"},
        {"letter": _of_individuals(LETTER, "request_id", "seq")},
    ),
    Kept("individual_decision", {"id": "uuid"}, {"reason": _of_individuals(REASON, "id")}),
    Kept(
        "record_dispute",
        {"record_id": "uuid", "request_id": "uuid"},
        {
            "portion": _of_individuals(PORTION, "record_id", "request_id"),
            "statement": _of_individuals(STATEMENT, "record_id", "request_id"),
            "answer": _of_individuals(ANSWER, "record_id", "request_id"),
        },
    ),
    Kept("release_package", {"id": "uuid"}, {"recipient": _of_individuals(RECIPIENT, "id")}),
    Kept("package_person", {"id": "uuid"}, {"particulars": _of_individuals(PARTICULARS, "id")}),
    Kept("outgoing_notice", {"id": "uuid"}, {name: _of_notice(name) for name in ("address", "letter")}),
    Kept("incident", {"id": "uuid"}, {"story": _of_individuals(STORY, "id")}),
    Kept(
        "recapture",
        {"id": "uuid"},
        {"holder": _of_individuals(HOLDER, "id"), "advice": _of_individuals(ADVICE, "id")},
    ),
    Kept("incident_assessment", {"id": "uuid"}, {"reasons": _of_individuals(REASONS, "id")}),
    Kept(
        "incident_notification",
        {"incident_id": "uuid", "person_id": "uuid", "outcome": "text"},
        {"letter": _of_individuals(NOTICE, "incident_id", "person_id", "outcome")},
    ),
    Kept("incident_report", {"incident_id": "uuid"}, {"told": _of_individuals(REPORTED, "incident_id")}),
    Kept("incident_closing", {"incident_id": "uuid"}, {"told": _of_individuals(ENDED, "incident_id")}),
)


def make_holdings(_: ServiceSettings) -> Holdings:
    return Holdings(TABLES)
