"""How what identifies a person is sorted, alone and in company."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.pii.taxonomy import PROTECTED, Death, Found, Taxonomy, is_pii, load

OWN = load()
PROTECTED_KINDS = {
    "social-security-number", "payment-card-number", "bank-account-number", "home-address", "personal-telephone",
    "biometric-identifier", "date-of-birth", "place-of-birth", "mothers-maiden-name", "criminal-record", "medical-record",
    "financial-record",
}  # fmt: skip
NON_SENSITIVE_KINDS = {"name", "email-address", "business-address", "business-telephone", "education-credentials"}
FINDINGS = st.lists(
    st.builds(Found, st.sampled_from(sorted(OWN.types)), st.sampled_from(["", "living", "dead"])), max_size=8
)
CERTIFICATE = {"dead": Death("certificate 2007-114")}


def standings(*kinds: str) -> list[str]:
    return [each.standing for each in OWN.classify(Found(kind, "p") for kind in kinds)]


@pytest.mark.req("S2-008")
@pytest.mark.parametrize("kind", sorted(PROTECTED_KINDS))
def test_each_of_the_twelve_is_protected_alone(kind: str) -> None:
    assert standings(kind) == ["protected"]
    assert OWN.of_class("protected") == PROTECTED_KINDS


@pytest.mark.req("S2-010")
@pytest.mark.parametrize("kind", sorted(NON_SENSITIVE_KINDS))
def test_each_of_the_five_is_non_sensitive_alone(kind: str) -> None:
    assert standings(kind) == ["non_sensitive"]
    assert OWN.of_class("non_sensitive") == NON_SENSITIVE_KINDS


@pytest.mark.req("S2-011")
@pytest.mark.parametrize("protected", sorted(PROTECTED_KINDS))
@pytest.mark.parametrize("other", sorted(NON_SENSITIVE_KINDS))
def test_what_is_linked_with_something_protected_becomes_so(protected: str, other: str) -> None:
    assert standings(other, protected) == ["protected_by_linkage", "protected"]


@pytest.mark.req("S2-007")
@given(FINDINGS)
def test_whatever_is_found_of_a_living_person_is_pii_and_linkage_asks_for_more_never_for_less(
    found: list[Found],
) -> None:
    classified = OWN.classify(found)
    assert [each.found for each in classified] == found
    assert is_pii(classified) == bool(found)
    linked = any(OWN.types[each.kind].group == "protected" for each in found)
    for each in classified:
        assert (each.standing in PROTECTED) == linked
        assert each.because
    more = OWN.classify([*found, Found("date-of-birth")])
    assert all(each.standing in PROTECTED for each in more)


@pytest.mark.req("S2-007")
def test_a_name_and_a_birth_date_identify() -> None:
    assert is_pii(OWN.classify([Found("name"), Found("date-of-birth")]))
    assert not is_pii(OWN.classify([]))


@pytest.mark.req("S2-012")
def test_the_indirect_class_is_there_empty_and_can_be_filled(tmp_path: Path) -> None:
    assert OWN.of_class("indirect") == frozenset()
    file = tmp_path / "more.yaml"
    file.write_text("types: {job-title: {class: indirect, means: What the person is called at work}}")
    more = load(str(file))
    assert more.of_class("indirect") == {"job-title"}
    assert [c.standing for c in more.classify([Found("job-title")])] == ["indirect"]
    assert more.classify([Found("job-title"), Found("home-address")])[0].standing == "protected_by_linkage"


@pytest.mark.req("S2-009")
def test_a_file_of_the_agency_adds_a_kind_and_how_it_is_recognised(tmp_path: Path) -> None:
    file = tmp_path / "more.yaml"
    file.write_text(
        "types:\n  passport-number:\n    class: protected\n    means: The number of the person's passport\n"
        "    patterns: ['passport (?:no[.]? )?([a-z][0-9]{8})']\n"
    )
    from common.pii.outbound import judge  # noqa: PLC0415 - the rest of this file is about the taxonomy alone
    from tests.common.unit.pii.outbound_kit import AGENCY, message  # noqa: PLC0415

    sent = message(body="Passport no. X12345678")
    assert judge(sent, AGENCY).judgement == "allow"
    answer = judge(sent, AGENCY, taxonomy=load(str(file)))
    assert [(f.kind, f.place) for f in answer.offending] == [("passport-number", "body")]


@pytest.mark.parametrize(
    "text",
    [
        "types: {home-address: {class: non_sensitive, means: Where somebody lives}}",
        "types: {date-of-birth: {class: protected, ends_at_death: true, means: The day of birth}}",
        "types: {Home Address: {class: protected, means: Where somebody lives}}",
        "types: {x-ray: {class: harmless, means: A picture of bones}}",
        "types: {x-ray: {class: protected, means: A picture of bones, patterns: ['(']}}",
        "linkage: {protected_when_linked: []}",
        "- a list",
        "{",
    ],
)
def test_a_file_that_asks_for_less_or_cannot_be_read_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "more.yaml"
    file.write_text(text)
    with pytest.raises(ValueError, match=r"extension|kind|class|group|pattern|YAML|types"):
        load(str(file))


@pytest.mark.req("S2-013")
@given(FINDINGS)
def test_death_ends_the_protection_of_name_address_and_number_and_of_nothing_else(found: list[Found]) -> None:
    ends = {"name", "home-address", "business-address", "social-security-number"}
    classified = OWN.classify(found, deceased=CERTIFICATE)
    for each in classified:
        over = each.found.person == "dead" and each.found.kind in ends
        assert (each.standing == "not_pii") == over
        assert not over or "certificate 2007-114" in each.because
    rest = [each for each in classified if each.standing != "not_pii"]
    assert rest == list(OWN.classify([each.found for each in rest], deceased=CERTIFICATE))


@pytest.mark.req("S2-013")
@pytest.mark.parametrize("evidence", ["", "  "])
def test_a_death_without_evidence_changes_nothing(evidence: str) -> None:
    with pytest.raises(ValueError, match="evidence"):
        Death(evidence)


def test_what_is_about_nobody_known_is_not_about_somebody_dead() -> None:
    assert [c.standing for c in OWN.classify([Found("name")], deceased={"": Death("certificate")})] == ["non_sensitive"]


def test_an_unknown_kind_is_never_taken_for_harmless() -> None:
    with pytest.raises(ValueError, match="shoe-size"):
        OWN.classify([Found("shoe-size")])


def test_linkage_does_not_name_the_protected_class_itself() -> None:
    with pytest.raises(ValueError, match="without a link"):
        Taxonomy.model_validate({**OWN.model_dump(by_alias=True), "linkage": {"protected_when_linked": ["protected"]}})
