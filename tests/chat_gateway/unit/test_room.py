"""How many connections an account and a terminal may have."""

import pytest

from chat_gateway.errors import TooManyConnectionsError
from chat_gateway.room import Room
from common.auth import Principal

CUSTOMER = Principal("c-1", frozenset({"customer"}), {}, 0)
AGENT = Principal("a-1", frozenset({"agent"}), {}, 0)


def test_an_account_has_as_many_places_as_it_may_and_gets_one_back_when_it_leaves() -> None:
    room = Room(of_account=2, of_employee=3, of_terminal=0)
    places = [room.enter("here") for _ in range(4)]
    places[0].sit(CUSTOMER)
    places[1].sit(CUSTOMER)
    places[1].sit(CUSTOMER)  # hello again, on the same line
    with pytest.raises(TooManyConnectionsError, match="2 connections"):
        places[2].sit(CUSTOMER)
    places[0].leave()
    places[0].leave()
    places[2].sit(CUSTOMER)
    with pytest.raises(TooManyConnectionsError):
        places[3].sit(CUSTOMER)


def test_an_employee_has_more() -> None:
    room = Room(of_account=1, of_employee=2, of_terminal=0)
    for _ in range(2):
        room.enter("here").sit(AGENT)
    with pytest.raises(TooManyConnectionsError):
        room.enter("here").sit(AGENT)


def test_a_terminal_is_counted_before_anybody_says_who_they_are() -> None:
    room = Room(of_account=0, of_employee=0, of_terminal=2)
    first = room.enter("here")
    room.enter("here")
    with pytest.raises(TooManyConnectionsError, match="terminal"):
        room.enter("here")
    room.enter("elsewhere")
    with first:
        pass
    room.enter("here").sit(CUSTOMER)


def test_nothing_is_kept_of_who_has_gone() -> None:
    room = Room(of_account=5, of_employee=5, of_terminal=5)
    with room.enter("here") as place:
        place.sit(CUSTOMER)
    assert not room._here


def test_zero_means_no_limit() -> None:
    room = Room(of_account=0, of_employee=0, of_terminal=0)
    for _ in range(100):
        room.enter("here").sit(CUSTOMER)
