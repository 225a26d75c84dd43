"""For purposes that concern an employee, the customer's particulars stay out or are invented ones."""

import pytest

from common.pii.taxonomy import load
from tests.transcripts.unit.test_redaction import talk
from transcripts.altering import pseudonymised, redacted

TEXTS = (
    "I am Quirina Telltale, born 03/14/1961, number 219-09-9999, call 212-555-0147",
    "Thank you Ms. Telltale, is it 219 09 9999 and 3/14/1961?",
    "Yes, my sister Wilhelmina Zebra knows",
)
TRUE_VALUES = ("Quirina", "Telltale", "219", "9999", "1961", "555-0147", "Wilhelmina", "Zebra")


@pytest.mark.req("S1-029")
def test_a_pseudonymised_copy_keeps_the_shape_and_holds_no_true_value() -> None:
    lines = pseudonymised(talk(*TEXTS), load())
    assert [(line["line"], line["who"]) for line in lines] == [(3, "customer"), (4, "agent"), (5, "customer")]
    said = str(lines)
    assert not [value for value in TRUE_VALUES if value in said]
    first, second, third = (line["text"] for line in lines)
    name = first.split()[3].strip(",")
    assert second.startswith(f"Thank you Ms. {name},"), "the same person is called the same everywhere"
    assert name not in third
    number = first.split("number ")[1].split(",")[0]
    assert [len(part) for part in number.split("-")] == [3, 2, 4]
    assert number in second


def test_an_invented_name_is_nobodys_in_the_conversation() -> None:
    contents = talk("I am Alex Kim", "Hello")
    contents[0]["pii"]["display_name"] = "Alex Kim"
    [line, _] = pseudonymised(contents, load())
    assert "Alex" not in line["text"]
    assert "Kim" not in line["text"]


@pytest.mark.req("S1-028")
def test_redacted_entries_say_what_was_done_and_nothing_of_the_customer() -> None:
    entries = redacted(talk(*TEXTS), load())
    assert not [value for value in TRUE_VALUES if value in str([one["pii"] for one in entries])]
    assert entries[0]["pii"] == {}
    assert entries[1]["pii"]["display_name"] == "Ms. Rivera"
    assert entries[2]["pii"]["text"].startswith("I am [withheld]")
    assert entries[3]["pii"]["text"].startswith("Thank you Ms. [withheld], is it [withheld]")
