"""What drafts add, as the parameters of `append_entries` and `append_turns`."""

from collections.abc import Sequence
from typing import Any

import orjson

from chat_gateway.drafts import Draft
from chat_gateway.model import Participant
from chat_gateway.publishing import EntryHeaders, action_record
from chat_gateway.routing.ownership import OWNED
from chat_gateway.routing.quiet import Patience
from common.clock import rfc3339
from common.protection.service_keys import ColumnKeys


def arguments(drafts: Sequence[Draft], headers: EntryHeaders, keys: ColumnKeys) -> tuple[Any, ...]:
    """The parameters of `append_entries`: the first entry of each session in front, by session id; then the rest."""
    ordered = sorted(drafts, key=lambda draft: draft.state.id.bytes)
    rows = [(d.state, d.entries[0]) for d in ordered]
    rows += [(d.state, entry) for d in ordered if len(d.entries) > 1 for entry in d.entries[1:]]
    return (
        len(ordered),
        [s.id for s, _ in rows],
        [e.seq for _, e in rows],
        [e.entry_id for _, e in rows],
        [e.kind.value for _, e in rows],
        [e.value for _, e in rows],
        [headers.of(s.key, e) for s, e in rows],
        json_of([_opened(d, keys) for d in ordered if d.opened]),
        json_of([_joined(d, p, keys) for d in ordered for p in d.participants.values()]),
        json_of([_closed(d, headers.traceparent) for d in ordered if d.closed]),
    )


def json_of(rows: list[dict[str, Any]]) -> str | None:
    return orjson.dumps(rows).decode() if rows else None


def participant_place(participant_id: str) -> bytes:
    return f"participant|{participant_id}".encode()


def _opened(draft: Draft, keys: ColumnKeys) -> dict[str, Any]:
    opening = draft.opened
    if opening is None:
        raise ValueError("the session does not begin here")
    facts = opening.facts
    return {
        "id": draft.state.key,
        "account": keys.blind("account", opening.participant.principal_id).hex(),
        "key_id": draft.state.data_key.text,
        "client_id": opening.entry_id,
        "topic": facts.topic,
        "notice_version": facts.notice_version,
        "notice_digest": facts.notice_digest,
        "notice_language": facts.notice_language,
        "acknowledged_at": facts.acknowledged_at,
        "identity_assurance": facts.identity_assurance,
        "authenticator_assurance": facts.authenticator_assurance,
        "authenticated_at": facts.authenticated_at,
        "at": draft.entries[0].receipt.at,
    }


def _joined(draft: Draft, who: Participant, keys: ColumnKeys) -> dict[str, Any]:
    if not who.public and not (who.pin and who.display_name):
        raise ValueError("an employee takes part under a PIN and a name (S1-035)")
    named = {"principal_id": who.principal_id, "display_name": who.display_name, "pin": who.pin}
    return {
        "id": who.id,
        "session_id": draft.state.key,
        "who": keys.blind("account", who.principal_id).hex(),
        "role": who.role,
        "sealed": draft.state.data_key.seal(orjson.dumps(named), participant_place(who.id)).hex(),
        "office": who.office,
        "region": who.region,
        "at": who.joined_at,
    }


def turned(draft: Draft, patience: Patience, keys: ColumnKeys) -> dict[str, Any]:
    """How a session stands after its draft, for its placement."""
    situation, at, opening = draft.situation, draft.entries[-1].receipt.at, draft.opened
    stage = situation.stage
    owner = draft.owner() if stage in OWNED else None
    due = situation.quiet.next(patience)
    look_at = situation.held_until or (due[1] if due and stage in OWNED else None)
    row: dict[str, Any] = {
        "session_id": draft.state.key,
        "stage": stage.value,
        "owner": owner.principal_id if owner else "",
        "topic": situation.topic,
        "at": at,
        "look_at": rfc3339(look_at) if look_at else None,
        "fresh": opening is not None,
        "pick": draft.picked or None,
    }
    if opening is not None:
        row |= {
            "language": opening.facts.notice_language,
            "left_message": opening.left_message,
            "kept": opening.kept.hex(),
            "account": ",".join(one.hex() for one in keys.blinds("account", opening.participant.principal_id)),
        }
    return row


def _closed(draft: Draft, traceparent: str) -> dict[str, Any]:
    closing, last = draft.closed, draft.entries[-1]
    if closing is None or draft.state.opening is None:
        raise ValueError("the session does not end here")
    told = [
        action_record(
            draft.state,
            p,
            chat_topic=draft.state.opening.topic,
            closing=closing,
            at=last.receipt.at,
            traceparent=traceparent,
        )
        for p in (draft.state.participants | draft.participants).values()
        if p.role == "agent"
    ]
    return {
        "session_id": draft.state.key,
        "at": last.receipt.at,
        "reason": closing.reason,
        "seq": last.seq,
        "digest": last.receipt.digest,
        "told": [
            {"topic": r.topic, "key": r.key, "value": r.value.decode(), "headers": orjson.dumps(r.headers).decode()}
            for r in told
        ],
    }
