"""Packages by their rules alone: machines by exhaustion and random walks, ways and carriers in every combination, the warning."""

from itertools import product
from uuid import uuid4

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from common.access import PERMISSIONS
from common.pii.particulars import Person
from common.pii.taxonomy import load
from disclosure import machines
from disclosure.machines import NOTHING_YET, Machine, diagram
from disclosure.packages import concealing, manifest, sending
from disclosure.packages.concealing import Somebody
from disclosure.packages.law_files import Marking, Sending, machines_of_packages, marking
from disclosure.packages.law_files import sending as law

DRAWN = machines_of_packages()
WRAPPED = dict.fromkeys(law().wrapping, True)
MEDIUM = sending.OnMedium(encrypted=True, certificate="C-1", holds_others=False)


@pytest.mark.parametrize("kind", DRAWN)
def test_every_state_is_reached_and_every_open_one_can_be_left(kind: str) -> None:
    machine = DRAWN[kind]
    found, waiting = set[str](), [NOTHING_YET]
    while waiting:
        state = waiting.pop()
        after = {m.to for m in machine.moves if state in m.from_} - found
        found |= after
        waiting += after
    assert found == set(machine.states)
    for name, one in machine.states.items():
        leaves = {m.to for m in machine.moves if name in m.from_} - {name}
        assert one.final == (not leaves), name


def test_every_operation_that_moves_something_stands_in_the_table_of_permissions() -> None:
    known = {n for n in PERMISSIONS.rows if n.partition(".")[0] in {"package", "shipment", "medium"}}
    beside = {"package.list", "package.read", "medium.list", "medium.find-necessary", "shipment.send-key"}
    assert set().union(*(m.operations() for m in DRAWN.values())) | beside == known


@pytest.mark.req("S2-063")
def test_no_item_is_copied_before_it_was_reviewed_and_redacted_where_that_is_due() -> None:
    """Every path through the machine of an item: there is one machine, whether it is of paper or a file."""
    paths: list[tuple[str, tuple[str, ...]]] = [(NOTHING_YET, ())]
    ends = 0
    for _ in range(6):
        paths = [
            (move.to, (*past, f"{move.act}:{move.when.get('outcome', '')}"))
            for state, past in paths
            for move in DRAWN["item"].moves
            if state in move.from_
        ]
        for state, past in paths:
            if state == "copied":
                last = max(n for n, act in enumerate(past) if act.startswith("review"))
                assert past[last] in {"review:clean", "review:redact"}
                assert ("redact:" in past[last:]) == (past[last] == "review:redact")
                ends += 1
    assert ends


@pytest.mark.req("S2-017")
def test_nothing_is_sent_that_was_not_approved() -> None:
    assert DRAWN["package"].after("send", "open", {}) is None
    assert {m.from_ for m in DRAWN["package"].moves if m.act == "send"} == {("approved",)}
    assert set(PERMISSIONS.rows["package.approve"].grants) == {"privacy_officer"}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"from": ["listed"], "to": "copied", "act": "list", "by": ["x"]}, None),
        ({"from": ["listed"], "to": "nowhere", "act": "jump", "by": ["x"]}, "neither state nor fact"),
        ({"from": ["left-out"], "to": "copied", "act": "jump", "by": ["x"]}, "leaves a final state"),
        ({"from": ["redacted"], "to": "listed", "act": "copy", "by": ["x"]}, "two places"),
        (
            {"from": ["listed"], "to": "copied", "act": "jump", "by": ["x"], "when": {"moon": True}},
            "neither state nor fact",
        ),
    ],
)
def test_a_machine_that_does_not_hold_together_does_not_load(change: dict[str, object], told: str | None) -> None:
    document = DRAWN["item"].model_dump(by_alias=True, exclude={"matter"})
    text = yaml.safe_dump({"item": {**document, "moves": [*document["moves"], change]}} if told else {"item": document})
    if told is None:
        assert machines.load(text)["item"] == DRAWN["item"]
        return
    with pytest.raises(ValueError, match=told):
        machines.load(text)


@pytest.mark.parametrize("kind", DRAWN)
def test_the_diagram_shows_every_move(kind: str) -> None:
    machine: Machine = DRAWN[kind]
    arrows = sum(len(m.from_) for m in machine.moves) + sum(s.final for s in machine.states.values())
    assert diagram(machine).count("-->") == arrows


@pytest.mark.req("S2-041", "S2-051", "S2-069", "S2-070", "S2-071")
def test_every_combination_goes_only_as_the_bulletin_lets_it() -> None:
    """Nature, way, carrier, tracking, extracts, medium: against the sentences of the bulletin, written down anew here."""
    carriers = ("", *law().carriers, "pigeon-post")
    for nature, way, carrier, tracked, extracts, medium in product(
        law().natures, (*law().ways, "e-mail"), carriers, (True, False), (0, 1, 2), (None, MEDIUM)
    ):
        one = sending.Consignment(nature, way, carrier, "T-1" if tracked else "", extracts, WRAPPED, medium)
        goes = not sending.wrong_with(one)
        if not goes:
            continue
        assert way != "e-mail"
        assert nature != "verifier-letter" or way in {"fax", "mail", "telephone"}
        if way in {"mail", "courier"}:
            assert carrier in {"usps-first-class", "usps-certified", "usps-registered", "fedex", "ups"}
            assert (way == "mail") == carrier.startswith("usps")
            assert tracked or (extracts < 2 and medium is None)
            assert carrier != "usps-first-class" or (extracts < 2 and medium is None)
        else:
            assert not carrier
            assert medium is None or way == "in-person"


@pytest.mark.req("S2-066", "S2-070", "S2-071")
@pytest.mark.parametrize(
    ("medium", "wrapping", "field"),
    [
        (sending.OnMedium(encrypted=False, certificate="C", holds_others=False), WRAPPED, "medium.encrypted"),
        (sending.OnMedium(encrypted=True, certificate="", holds_others=False), WRAPPED, "medium.certificate"),
        *((MEDIUM, WRAPPED | {q: False}, f"wrapping.{q}") for q in law().wrapping),
        *((MEDIUM, {k: v for k, v in WRAPPED.items() if k != q}, f"wrapping.{q}") for q in law().wrapping),
    ],
)
def test_a_medium_goes_encrypted_certified_and_wrapped(
    medium: sending.OnMedium, wrapping: dict[str, bool], field: str
) -> None:
    one = sending.Consignment("extracts", "courier", "fedex", "T-1", 1, wrapping, medium)
    assert [w.field for w in sending.wrong_with(one)] == [field]


@pytest.mark.req("S2-072")
def test_a_key_takes_another_way_and_another_package() -> None:
    for package_way, key_way, same in product(law().ways, law().ways, (True, False)):
        goes = not sending.wrong_key(package_way, key_way, same_shipment=same)
        assert not (goes and (same or package_way == key_way))
    assert not sending.wrong_key("mail", "telephone", same_shipment=False)


@pytest.mark.req("S2-025")
def test_data_of_others_who_consented_go_with_the_warning_only() -> None:
    one = sending.Consignment("extracts", "portal", holds_others=True)
    assert sending.missing_in(sending.wrong_with(one)) == ["warning"]
    warned = sending.Consignment("extracts", "portal", holds_others=True, warned=f"  {marking().text}\n")
    assert sending.wrong_with(warned) == []


@pytest.mark.req("S2-026", "S2-027")
def test_a_warning_that_leaves_something_out_does_not_load() -> None:
    document = marking().model_dump()
    for said in marking().says.values():
        for words in said.words:
            with pytest.raises(ValueError, match="does not say what it has to"):
                Marking.model_validate({**document, "text": document["text"].replace(words, "")})
    text = marking().text
    assert "reviewed and redacted" in text
    assert "electronically or in print" in text
    assert "fine" in text


def test_ways_that_are_not_there_do_not_load() -> None:
    document = law().model_dump()
    lost = document["natures"] | {"copy-of-file": document["natures"]["copy-of-file"] | {"ways": ("teleport",)}}
    with pytest.raises(ValueError, match="ways that are not there"):
        Sending.model_validate(document | {"natures": lost})
    fax = document["carriers"] | {"ups": document["carriers"]["ups"] | {"ways": ("fax",)}}
    with pytest.raises(ValueError, match="carriers carry things"):
        Sending.model_validate(document | {"carriers": fax})


NAMES = st.sampled_from(["Abelard", "Benedetta", "Casimir", "Dorothea", "Emmerich", "Fiammetta"])
ROLES = st.sampled_from(["claimant", "beneficiary", "co-worker"])


@pytest.mark.req("S2-014", "S2-021", "S2-060")
@settings(max_examples=60, deadline=None)
@given(
    mine=NAMES,
    theirs=NAMES,
    role=ROLES,
    dead=st.booleans(),
    consent=st.booleans(),
    between=st.text("xyz .,\n", max_size=20),
)
def test_a_living_persons_name_is_never_let_through(
    *, mine: str, theirs: str, role: str, dead: bool, consent: bool, between: str
) -> None:
    own = Somebody(uuid4(), "requester", known=Person(id="a", given=(mine,), family="Requesterson"))
    known = Person(id="b", given=(theirs,), family="Strangerling")
    other = Somebody(uuid4(), role, "CERT-1" if dead else "", "CONSENT-1" if consent else "", known)
    found = concealing.search({"text[1]": f"{mine} Requesterson {between} {theirs} Strangerling"}, [own, other], load())
    assert bool(found.residues) == (not dead and not consent)
    assert all(r.person == str(other.id) for r in found.residues)
    assert (own.id, "name") in found.contents


def test_a_manifest_refers_to_no_hash_of_anything_unredacted() -> None:
    line = manifest.Line(1, "paper", "COPY-1", "c" * 64, ("a" * 64, "b" * 64), "review")
    made = manifest.written("p", "extracts", [line], approved_by="x", unredacted=frozenset())
    assert "a" * 64 not in made.decode()
    assert manifest.digest(made) == manifest.digest(
        manifest.written("p", "extracts", [line], approved_by="x", unredacted=())
    )
    for lines, unredacted in (
        ([], ()),
        ([line], {"c" * 64}),
        ([manifest.Line(1, "paper", "C", "a" * 64, ("a" * 64,), "r")], ()),
    ):
        with pytest.raises(ValueError, match=r"unredacted|nothing"):
            manifest.written("p", "extracts", lines, approved_by="x", unredacted=unredacted)
