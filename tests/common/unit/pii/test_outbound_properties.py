"""The rules for messages, against anything that somebody may write."""

# ruff: noqa: RUF001 - letters of other alphabets are what is tested

from dataclasses import asdict
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.pii.outbound import Agency, findings_of, judge
from common.pii.outbound_message import Attachment, OutboundMessage
from common.pii.sanitising import MARK, sanitised
from common.pii.taxonomy import load
from tests.common.unit.pii.outbound_kit import AGENCY, message

# What nobody may read on the way, in one usual way to write each.
PLANTED = [
    "219-09-9999", "219 09 9999", "219099999", "523-12-1234", "1961-03-04", "3/4/61", "March 4, 1961", "4 Mar 1961",
    "Oak Ridge", "OAK  RIDGE", "Kowalczyk", "KOWAŁCZYK", "12 Oak Street, Paducah", "12 oak street paducah", "270-555-0142",
    "(270) 555-0142", "000123456789", "4111-1111-1111-1111", "5555 5555 5555 4444", "chronic beryllium disease",
    "date of birth: 5/6/1950", "mother's maiden name: Doe", "XXX-09-9999", "219-09",
]  # fmt: skip
# What stands around it: anything that is no letter and no digit at the seam, so that the value stays itself.
AROUND = st.lists(
    st.sampled_from(
        ["Dear Sir,", "we wrote on 3 May", "Smith", "John", "9999", "x", "é", "\u200b", "50012345", "M0012345", "\n"]
    ),
    max_size=4,
).map(" ; ".join)
PLACES = ["subject", "body", "quoted", "name", "text", "inner", "inner name"]
OUTSIDE = st.sampled_from(
    [
        {"address": "a@outside.example", "group": group}
        for group in (
            "claimant",
            "physician",
            "congress",
            "niosh",
            "doe",
            "resource-centre",
            "bill-agent",
            "employee",
            "other",
        )
    ]
)


def planted_in(place: str, text: str) -> dict[str, Any]:
    inner = {"name": text if place == "inner name" else "b.txt", "text": text if place == "inner" else ""}
    outer = {
        "name": text if place == "name" else "a.txt",
        "text": text if place == "text" else "",
        "attachments": [inner],
    }
    return {
        "subject": text if place == "subject" else "",
        "body": text if place == "body" else "",
        "quoted": ["Hello", text] if place == "quoted" else [],
        "attachments": [outer],
    }


@pytest.mark.req("S2-036", "S2-056")
@given(
    st.sampled_from(PLANTED),
    st.sampled_from(PLACES),
    st.tuples(AROUND, AROUND),
    OUTSIDE,
    st.fixed_dictionaries({"is_forward": st.booleans(), "is_reply": st.booleans()}),
)
def test_anything_protected_in_any_part_is_blocked_outside_and_gone_when_sanitised(
    value: str, place: str, around: tuple[str, str], recipient: dict[str, str], traits: dict[str, bool]
) -> None:
    text = f"{around[0]} ; {value} ; {around[1]}"
    written = message(**planted_in(place, text), recipients=[recipient], **traits)
    answer = judge(written, AGENCY)
    assert answer.judgement == "block"
    clean = sanitised(written, AGENCY)
    assert clean.answer.judgement == "allow"
    assert value not in clean.message.model_dump_json(exclude={"persons"})
    assert clean.instead


FRAGMENTS = st.sampled_from(
    [*PLANTED, "John", "Smith", "Quincy", "Ann", "Brown", "321-54-9876", "9999", "219-", "09-", "M0012345", "50012345", "-", " ",
     " ; ", "\n", "SSN ", "ssn ending in ", "member id ", "case no. ", "a@b.example", "7", "x", "born ", MARK, "٣", "\u200d"]
)  # fmt: skip
TEXTS = st.lists(FRAGMENTS, max_size=10).map("".join) | st.text(max_size=30)
ATTACHMENTS = st.recursive(
    st.builds(
        Attachment,
        name=TEXTS,
        text=st.none() | TEXTS,
        media_type=st.sampled_from(["text/plain", "application/pdf"]),
        encrypted=st.booleans(),
        holds=st.sampled_from([(), ("medical-record",), ("name",)]),
    ),
    lambda inner: st.builds(
        Attachment,
        name=TEXTS,
        text=TEXTS,
        encrypted=st.booleans(),
        attachments=st.tuples(inner) | st.tuples(inner, inner),
    ),
    max_leaves=4,
)
MESSAGES = st.builds(
    lambda recipients, **parts: message(recipients=recipients).model_copy(update=parts),
    recipients=st.lists(OUTSIDE | st.just({"address": "a@agency.example", "group": "employee"}), max_size=2),
    subject=TEXTS,
    body=TEXTS,
    quoted=st.lists(TEXTS, max_size=2).map(tuple),
    attachments=st.lists(ATTACHMENTS, max_size=2).map(tuple),
    is_forward=st.booleans(),
    is_reply=st.booleans(),
    managed_device=st.booleans(),
    channel=st.sampled_from(["email", "secured-portal", "portable-media"]),
)


@pytest.mark.req("S2-049")
@given(MESSAGES)
def test_a_sanitised_message_passes_or_names_the_channel_that_is_left(written: OutboundMessage) -> None:
    clean = sanitised(written, AGENCY)
    if written.channel == "portable-media":
        assert clean.answer.judgement == "block"
        assert clean.instead
        return
    assert clean.answer.judgement == "allow"
    assert bool(clean.removed) == (judge(written, AGENCY).judgement == "block")
    assert sanitised(clean.message, AGENCY).message == clean.message
    if written.is_forward and clean.answer.audience == "outside":
        left = [
            f for f, _ in findings_of(clean.message, AGENCY, load()) if f.place.startswith(("quoted", "attachments"))
        ]
        assert not [f for f in left if f.kind == "name" or f.kind in load().of_class("protected")]


@given(MESSAGES)
def test_an_answer_repeats_no_value(written: OutboundMessage) -> None:
    answer = judge(written, AGENCY)
    told = repr(asdict(answer)) + repr(written)
    for value in ("219-09-9999", "523-12-1234", "Kowalczyk", "Quincy", "Paducah", "Oak Ridge", "M0012345"):
        assert value not in told


DAYS = st.dates(date(1900, 1, 1), date(2026, 12, 31))


@given(
    DAYS,
    st.sampled_from(["%Y-%m-%d", "%m/%d/%Y", "%m/%d/%y", "%B %d, %Y", "%d %B %Y", "%b %d %Y", "%d.%m.%Y", "%Y%m%d"]),
)
def test_a_known_birth_date_is_found_however_it_is_written(day: date, form: str) -> None:
    written = message(
        body=f"on {day.strftime(form)}.",
        persons=[{"id": "p", "known": {"date-of-birth": [day.isoformat()]}}],
    )
    assert judge(written, AGENCY).judgement == "block"


NAMES = {
    "O'Brien": ["O'Brien", "OBRIEN", "O\N{RIGHT SINGLE QUOTATION MARK}Brien", "o brien", "O’BRIEN’S"],
    "García-López": [
        "Garcia Lopez",
        "GARCÍA-LÓPEZ",
        "garcialopez",
        "García–López",
        "Garci\u0301a-Lo\u0301pez",
        "Lopez",
    ],
    "Łukasz": ["Lukasz", "ŁUKASZ", "L u k a s z", "Ｌｕｋａｓｚ", "Lu\u00adkasz"],
    "Strauß": ["STRAUSS", "Strauß", "strauss,"],
    "van der Berg": ["Van Der Berg", "VanderBerg", "van  der\nBerg"],
}


@pytest.mark.req("S2-033")
@pytest.mark.parametrize(("name", "written"), [(n, w) for n, ways in NAMES.items() for w in ways])
def test_a_known_name_is_found_however_it_is_written(name: str, written: str) -> None:
    sent = message(subject=f"(1) {written} (2)", persons=[{"id": "p", "family": name}])
    assert [v.rule for v in judge(sent, AGENCY).violations] == ["subject-names-nobody"]
    assert not any(c in sanitised(sent, AGENCY).message.subject.lower() for c in "brz")


@pytest.mark.parametrize("text", ["Smithfield", "a smithy", "Johnson", "locksmith", "M00123456", "59999"])
def test_what_only_looks_like_a_particular_is_none(text: str) -> None:
    assert judge(message(subject=text), AGENCY).judgement == "allow"


def test_without_a_list_of_its_own_an_agency_has_no_inside() -> None:
    inside = message(body="John Smith, case 50012345", recipients=[{"address": "b@agency.example"}])
    assert judge(inside, AGENCY).audience == "inside"
    assert judge(inside, Agency()).judgement == "block"


def test_a_kind_that_the_taxonomy_lacks_is_an_error_and_not_harmless() -> None:
    with pytest.raises(ValueError, match="badge"):
        judge(message(persons=[{"id": "p", "known": {"badge": ["1"]}}]), AGENCY)
    with pytest.raises(ValueError, match="badge"):
        judge(message(attachments=[{"holds": ["badge"]}]), AGENCY)
