"""What production hears: finished actions and sealed transcripts."""

import re
from collections.abc import Sequence

from common.contracts.envelope import Envelope, EventData
from common.contracts.production import ACTION_EVENTS, ActionCompleted
from common.contracts.transcripts import TRANSCRIPT_EVENTS, TranscriptClosed
from common.database import WriteSession
from common.errors import PoisonEventError
from common.messaging.broker import ReceivedRecord
from common.messaging.consumer import Subject
from common.pii.ssn import WHOLE, fields_with_ssn, holds_ssn
from common.protection.keyring import Keyring
from common.protection.service_keys import ColumnKeys, ServiceKeys
from production.policy import KNOWN_FIELDS, SSN_RULE, wrong_with_action
from production.use_cases import record_actions, record_transcripts

GROUP = "production.actions"
# What stands around an event's content and may be named in a refusal: the record's key and the attributes of every event.
_AROUND = ("key", "ce_id", "ce_source", "ce_subject", "ce_type", "ce_time", "ce_specversion", "ce_traceparent")


# What is properly sealed is noise here, in which nine digits may stand by chance; it is looked at when it is opened.
_SEALED = re.compile(rb'"sealed":\s*"[A-Za-z0-9+/]{38,}={0,2}"')


def subject(keyring: Keyring, service_keys: ServiceKeys) -> Subject:
    async def on_work(session: WriteSession, envelopes: Sequence[Envelope[EventData]]) -> None:
        await on_work_done(session, envelopes, await service_keys.ready())

    return Subject(
        group=GROUP,
        topics=(ActionCompleted.topic, TranscriptClosed.topic),
        kinds=ACTION_EVENTS | TRANSCRIPT_EVENTS,
        handler=on_work,
        screen=refuse_ssn,
        opens=keyring,
    )


def refuse_ssn(record: ReceivedRecord) -> None:
    """Look at the record as it came: also what no schema knows, what cannot be read, and what stands around the content.

    Raises:
        PoisonEventError: a social security number stands in it; nothing of it may be kept here (invariant 10).
    """
    found = list(fields_with_ssn(_SEALED.sub(b'"sealed":""', record.value), KNOWN_FIELDS))
    around = {"key": record.key, **record.headers}
    if holds_ssn(" | ".join((*around, *around.values()))):
        found += [name for name in _AROUND if holds_ssn(around.get(name, ""))] or [WHOLE]
    if found:
        raise PoisonEventError(f"{', '.join(found)}: {SSN_RULE}", withhold=True)


async def on_work_done(session: WriteSession, envelopes: Sequence[Envelope[EventData]], keys: ColumnKeys) -> None:
    """Bring a batch into the store.

    Raises:
        PoisonEventError: an action that does not meet a rule. Its content is withheld: it may hold another number of a
            person than the ones that belong here.
        ConflictError: an id stands for something else already.
    """
    actions, sources, transcripts = [], [], []
    for envelope in envelopes:
        if isinstance(envelope.data, ActionCompleted):
            if found := fields_with_ssn(envelope.opened, KNOWN_FIELDS):
                raise PoisonEventError(f"{', '.join(f'pii.{name}' for name in found)}: {SSN_RULE}", withhold=True)
            if wrong := wrong_with_action(envelope.data):
                raise PoisonEventError("; ".join(f"data.{w.field}: {w.message}" for w in wrong), withhold=True)
            actions.append(envelope.data)
            sources.append(envelope.source)
        elif isinstance(envelope.data, TranscriptClosed):
            _need_offsets(envelope.data)
            transcripts.append(envelope.data)
    if actions:
        await record_actions(session, actions, sources, keys)
    if transcripts:
        await record_transcripts(session, transcripts)


def _need_offsets(transcript: TranscriptClosed) -> None:
    if transcript.opened_at.tzinfo is None or transcript.closed_at.tzinfo is None:
        raise PoisonEventError("data.opened_at, data.closed_at: times need an offset from UTC")
    if transcript.closed_at < transcript.opened_at:
        raise PoisonEventError("data.closed_at: a chat cannot close before it opens")
