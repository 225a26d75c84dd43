"""A message without what keeps it from going (DEEOIC bulletin, item 6; S2-049, S2-050, S2-054). Pure."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from common.pii.detection import Finding
from common.pii.outbound import Agency, Answer, channels_for, judge
from common.pii.outbound_message import Attachment, OutboundMessage
from common.pii.outbound_rules import OutboundRules, rules
from common.pii.taxonomy import Taxonomy

MARK = "\N{FULL BLOCK}" * 5
"""Stands where something was removed: of one length, so that it tells nothing of what was there, and without a letter or a
digit, so that it can never be taken for a part of anything."""

_ROUNDS = 20


@dataclass(frozen=True, slots=True)
class Sanitised:
    """What is left of a message.

    Attributes:
        message: the message without what breaks a rule.
        answer: the judgement of it. It is `allow` for every e-mail; portable media do not get clean by deleting.
        removed: what was removed: kind and place.
        left_out: places of attachments that could not be altered and do not go along.
        instead: channels on which what was left out or removed may go, if it is needed; empty when nothing was.
    """

    message: OutboundMessage
    answer: Answer
    removed: tuple[Finding, ...]
    left_out: tuple[str, ...]
    instead: tuple[str, ...]


def sanitised(
    message: OutboundMessage, agency: Agency, *, taxonomy: Taxonomy | None = None, table: OutboundRules | None = None
) -> Sanitised:
    """Remove what breaks a rule, and again, until nothing does: what was removed may have stood between two parts of more.

    Raises:
        ValueError: as `judge` does.
    """
    table = table or rules()
    removed: list[Finding] = []
    left_out: list[str] = []
    current = message
    answer = judge(current, agency, taxonomy=taxonomy, table=table)
    for _ in range(_ROUNDS):
        if not answer.offending:
            break
        removed += answer.offending
        current, gone = _without(current, answer.offending)
        left_out += gone
        answer = judge(current, agency, taxonomy=taxonomy, table=table)
    if answer.offending:  # a text made to last: nothing of it goes
        removed += answer.offending
        blank = {"subject": MARK, "body": MARK, "quoted": (), "attachments": ()}
        current = message.model_copy(update=blank)
        answer = judge(current, agency, taxonomy=taxonomy, table=table)
    blocked_still = answer.judgement == "block"
    instead = channels_for(message, table) if removed or blocked_still else ()
    return Sanitised(current, answer, tuple(removed), tuple(left_out), instead)


def _without(message: OutboundMessage, findings: Sequence[Finding]) -> tuple[OutboundMessage, list[str]]:
    """The message without these findings, and the places of the attachments that had to be left out."""
    spans = _by_place(findings)
    gone: list[str] = []
    update: dict[str, Any] = {
        "subject": _cut(message.subject, spans.get("subject", ())),
        "body": _cut(message.body, spans.get("body", ())),
        "quoted": tuple(_cut(text, spans.get(f"quoted[{n}]", ())) for n, text in enumerate(message.quoted)),
        "attachments": _kept(message.attachments, "", spans, gone),
    }
    return message.model_copy(update=update), gone


def _kept(
    listed: tuple[Attachment, ...], inside: str, spans: Mapping[str, Sequence[tuple[int, int]]], gone: list[str]
) -> tuple[Attachment, ...]:
    kept = []
    for n, attachment in enumerate(listed):
        place = f"{inside}attachments[{n}]"
        in_text = spans.get(f"{place}.text", ())
        if place in spans or (in_text and not attachment.media_type.startswith("text/")):
            gone.append(place)  # it cannot be altered here: it is unreadable, no text, or holds what no text shows
            continue
        update = {
            "name": _cut(attachment.name, spans.get(f"{place}.name", ())),
            "text": None if attachment.text is None else _cut(attachment.text, in_text),
            "attachments": _kept(attachment.attachments, f"{place}.", spans, gone),
        }
        kept.append(attachment.model_copy(update=update))
    return tuple(kept)


def _by_place(findings: Sequence[Finding]) -> Mapping[str, Sequence[tuple[int, int]]]:
    spans: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for finding in findings:
        spans[finding.place].append((finding.start, finding.end))
    return spans


def _cut(text: str, spans: Sequence[tuple[int, int]]) -> str:
    """The text with one mark for each span; spans that touch or overlap are one."""
    written, position = [], 0
    for start, end in sorted(spans):
        if start >= position:
            written += [text[position:start], MARK]
        position = max(position, end)
    return "".join((*written, text[position:]))
