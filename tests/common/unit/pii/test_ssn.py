"""What counts as a social security number, by tables and by properties."""

import base64
from uuid import UUID

import orjson
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from common.ids import new_id
from common.pii.ssn import UNKNOWN, WHOLE, fields_with_ssn, find_ssn, holds_ssn

AREAS = st.integers(1, 899).filter(lambda area: area != 666)
GROUPS = st.integers(1, 99)
SERIALS = st.integers(1, 9999)
SEPARATORS = st.sampled_from(
    ["-", " ", ".", "/", "_", "\t", "\n", " - ", "\N{EN DASH}", "\N{EM DASH}", "\N{NO-BREAK SPACE}", "\N{MINUS SIGN}"]
)
# The digits of full width, as East Asian keyboards give them.
WIDE = {ord("0") + n: chr(0xFF10 + n) for n in range(10)}
BEFORE = st.sampled_from(["", " ", "SSN ", "ssn:", "SSN", "(", ", ", "Smith ", "#", "=", "'", "\u200b"])
AFTER = st.sampled_from(["", " ", ")", ", ", " Smith", "#", "=", "'", ".", "\u200b"])


@pytest.mark.parametrize(
    "text",
    [
        "219-09-9999",
        "219 09 9999",
        "219099999",
        "001-01-0001",
        "899-99-9999",
        "665-12-3456",
        "667-12-3456",
        "Smith 219-09-9999 wrote",
        "ssn219099999",
        "SSN: 219099999.",
        "x219-09-9999",
        "219-09-9999A",
        "219 - 09 - 9999",
        "219-09 9999",
        "219\n09\n9999",
        "a 219099999",
        "A 219099999",
        "SSA-219099999",
        "219-09-9999".translate(WIDE),
        "٢١٩-٠٩-٩٩٩٩",
        "219\N{EN DASH}09\N{EN DASH}9999",
        "219\u200b-09-\u00ad9999",
        "2190\u200b99999",
        "2\ufe0f1\ufe0f9-09-9999",
    ],
)
def test_a_number_is_found_however_it_is_written(text: str) -> None:
    assert holds_ssn(text)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("000-12-3456", "no area 000"),
        ("666-12-3456", "no area 666"),
        ("900-12-3456", "no area from 900 on"),
        ("999-12-3456", "no area from 900 on"),
        ("123-00-4567", "no group 00"),
        ("123-45-0000", "no serial 0000"),
        ("000123456", "no area 000"),
        ("EAC1234567890", "a receipt number"),
        ("IOE0912345678", "a receipt number"),
        ("A219099999", "an A-Number"),
        ("A-219099999", "an A-Number"),
        ("see A#219099999", "an A-Number"),
        ("219099999012", "an online account number"),
        ("2190999990", "ten digits"),
        ("21909999", "eight digits"),
        ("12345-6789", "a ZIP code with four more"),
        ("1219-09-9999", "a longer number"),
        ("219-09-99990", "a longer number"),
        ("2026-03-02T12:00:00.123456789Z", "a time"),
        ("0.219099999", "a fraction"),
        ("202-555-0123", "a telephone number"),
        ("6789", "the last four digits"),
        ("019a9f4e-5b1c-7cc3-98c4-123456789012", "a UUID"),
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "a trace"),
        ("", "nothing"),
    ],
)
def test_what_is_none_does_not_count(text: str, why: str) -> None:
    assert not holds_ssn(text), why


@given(AREAS, GROUPS, SERIALS, SEPARATORS, st.tuples(BEFORE, AFTER))
def test_every_number_that_can_be_issued_is_found(
    area: int, group: int, serial: int, separator: str, around: tuple[str, str]
) -> None:
    before, after = around
    grouped = f"{area:03}{separator}{group:02}{separator}{serial:04}"
    assert holds_ssn(before + grouped + after)
    assert holds_ssn(f"{before}{area:03}{group:02}{serial:04}{after}")
    assert fields_with_ssn(orjson.dumps({"note": before + grouped + after}), {"note"}) == ("note",)


@given(st.text(max_size=20), AREAS, GROUPS, SERIALS, SEPARATORS)
def test_where_a_number_stands_is_told_by_the_characters_of_the_original(
    before: str, area: int, group: int, serial: int, separator: str
) -> None:
    number = f"{area:03}{separator}{group:02}{separator}{serial:04}"
    text = f"{before} é\u200b;{number.translate(WIDE)}\u200b; 219-09-9999"
    spans = find_ssn(text)
    assert [text[start:end] for start, end in spans[-2:]] == [number.translate(WIDE), "219-09-9999"]
    cut = "".join("#" if any(s <= i < e for s, e in spans) else c for i, c in enumerate(text))
    assert not holds_ssn(cut)


@given(st.integers(0, 999), st.integers(0, 99), st.integers(0, 9999), st.sampled_from(["-", " ", ""]))
def test_no_number_that_was_never_issued_counts(area: int, group: int, serial: int, separator: str) -> None:
    assume(area in {0, 666} or area >= 900 or group == 0 or serial == 0)
    assert not holds_ssn(f"{area:03}{separator}{group:02}{separator}{serial:04}")


@given(st.uuids())
def test_no_uuid_counts(uuid: UUID) -> None:
    assert not holds_ssn(str(uuid))
    assert not holds_ssn(f"/v1/records/{uuid}/destruction")


@given(st.from_regex(r"[A-Z]{3}[0-9]{10}", fullmatch=True))
def test_no_receipt_number_counts(receipt: str) -> None:
    assert not holds_ssn(receipt)


def test_ids_made_here_never_count() -> None:
    assert not any(holds_ssn(str(new_id())) for _ in range(2000))


class TestFields:
    """Where in a JSON text a number stands."""

    KNOWN = frozenset({"pii", "case_number", "outcome", "data"})

    def found(self, document: object) -> tuple[str, ...]:
        return fields_with_ssn(orjson.dumps(document), self.KNOWN)

    def test_known_fields_are_named_with_their_path(self) -> None:
        assert self.found({"pii": {"case_number": "219-09-9999"}, "outcome": "x"}) == ("pii.case_number",)
        assert self.found({"data": [{"outcome": "219099999"}]}) == ("data.[0].outcome",)

    def test_fields_that_a_stranger_named_are_not_repeated(self) -> None:
        assert self.found({"Jane Smith": "219-09-9999"}) == (UNKNOWN,)
        assert self.found({"219-09-9999": 1}) == (UNKNOWN,)

    def test_numbers_that_are_no_text_count_too(self) -> None:
        assert self.found({"outcome": 219099999}) == ("outcome",)
        assert self.found({"outcome": 219099999.0}) == ("outcome",)
        assert self.found({"outcome": 2190999990, "n": [1, 2.5, True, None]}) == ()

    def test_a_field_named_after_the_number_counts_with_any_digit(self) -> None:
        assert self.found({"pii": {"SSN": "***-**-9999"}}) == (f"pii.{UNKNOWN}",)
        assert self.found({"social_security_number": 9999}) == (UNKNOWN,)
        assert self.found({"ssn": "", "ssn_verified": True}) == ()

    def test_escapes_do_not_hide_a_number(self) -> None:
        assert fields_with_ssn(b'{"outcome": "\\u0032\\u0031\\u0039-09-9999"}', self.KNOWN) == ("outcome",)
        assert fields_with_ssn(b'{"outcome": "219\\t09\\t9999"}', self.KNOWN) == ("outcome",)

    def test_a_name_that_stands_twice_does_not_hide_a_number(self) -> None:
        assert fields_with_ssn(b'{"outcome": "219-09-9999", "outcome": "done"}', self.KNOWN) == (WHOLE,)

    def test_content_that_is_encoded_once_more_is_read(self) -> None:
        inner = base64.b64encode(orjson.dumps({"outcome": "219-09-9999"})).decode()
        assert self.found({"data_base64": inner}) == (UNKNOWN,)
        assert self.found({"data_base64": "not base64 at all!"}) == ()

    @pytest.mark.parametrize("content", [b"219-09-9999", b"\xff\xfe 219-09-9999", b'{"outcome": "219-09-9999"'])
    def test_what_is_no_json_is_searched_as_text(self, content: bytes) -> None:
        assert fields_with_ssn(content, self.KNOWN) == (WHOLE,)

    def test_depth_is_no_hiding_place(self) -> None:
        assert fields_with_ssn(b'{"a":' * 900 + b'"219-09-9999"' + b"}" * 900, ()) != ()

    @given(st.recursive(st.none() | st.booleans() | st.integers(0, 99999) | st.text("abc -", max_size=9),
                        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("xyz", max_size=4), inner, max_size=3)))  # fmt: skip
    def test_content_without_nine_digits_passes(self, document: object) -> None:
        assert self.found(document) == ()
