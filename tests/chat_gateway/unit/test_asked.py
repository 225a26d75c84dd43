"""Which entries a stream or a poll is asked for, and the cursor that it hands out."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat_gateway.transports.asked import cursor_text, wanted
from common.errors import InvalidError

CURSORS = st.dictionaries(st.uuids(), st.integers(0, 2_147_483_647), min_size=1, max_size=50)


@given(cursors=CURSORS, later=st.data())
def test_a_cursor_that_was_handed_out_is_where_it_goes_on(cursors: dict[UUID, int], later: st.DataObject) -> None:
    now = {key: later.draw(st.integers(seq, 2_147_483_647)) for key, seq in cursors.items()}
    hear = [f"{key}:{seq}" for key, seq in cursors.items()]
    assert wanted(hear, None).cursors == cursors
    last = cursor_text({str(key): seq for key, seq in now.items()})
    assert wanted([*hear, "desk"], last).cursors == now
    assert len(cursors) > 1 or last == str(next(iter(now.values()))), "of one session it is the number"


def test_a_cursor_of_another_session_is_nobody_s() -> None:
    one, other = UUID(int=1), UUID(int=2)
    assert wanted([str(one)], f"{other}:7").cursors == {one: 0}
    assert wanted(["desk"], None).cursors == {}
    assert wanted(["desk"], None).desk


@given(last=st.text(alphabet="0123456789abcdef-:, x", min_size=1, max_size=90))
def test_whatever_else_stands_in_the_header_is_refused_or_read_as_a_cursor(last: str) -> None:
    refused = None
    try:
        found = wanted([str(UUID(int=1)), str(UUID(int=2))], last).cursors
    except InvalidError as error:
        found, refused = {}, error
    assert all(0 <= seq <= 2_147_483_647 for seq in found.values())
    if refused is not None:
        assert refused.errors[0].field == "header.Last-Event-ID"


@pytest.mark.parametrize("last", ["4294967296", "9999999999"])
def test_a_number_beyond_all_entries_is_refused(last: str) -> None:
    with pytest.raises(InvalidError):
        wanted([str(UUID(int=1))], last)
