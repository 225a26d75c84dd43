"""What a member has in hand decides what it may commit and what it may be asked to give up."""

import asyncio

import pytest

from common.messaging.broker import PositionLostError, ReceivedRecord
from common.messaging.membership import InHand


def records(*offsets: int, partition: int = 0) -> list[ReceivedRecord]:
    return [ReceivedRecord("t", partition, offset, "k", b"", {}) for offset in offsets]


async def test_committing_means_the_position_after_the_highest_offset_of_each_partition() -> None:
    hand = InHand()
    hand.take([*records(5, 6, 7), *records(0, 1, partition=3)])
    assert hand.positions([*records(6, 5), *records(0, partition=3)]) == {("t", 0): 7, ("t", 3): 1}


async def test_what_was_never_polled_is_not_this_members_to_commit() -> None:
    hand = InHand()
    hand.take(records(5, 6))
    for foreign in (records(7), records(6, partition=1)):
        with pytest.raises(PositionLostError):
            hand.positions(foreign)


async def test_what_is_committed_already_is_left_out() -> None:
    hand = InHand()
    hand.take(records(5, 6, 7))
    hand.settle(hand.positions(records(5, 6)))
    assert hand.positions(records(5)) == {}
    assert hand.positions(records(6)) == {}
    assert hand.positions(records(7)) == {("t", 0): 8}


async def test_a_partition_is_busy_until_all_that_was_polled_is_committed() -> None:
    hand = InHand()
    assert hand.busy() == []
    hand.take([*records(5, 6), *records(9, partition=1)])
    assert sorted(hand.busy()) == [("t", 0), ("t", 1)]
    hand.settle(hand.positions([*records(5), *records(9, partition=1)]))
    assert hand.busy() == [("t", 0)]
    hand.settle(hand.positions(records(6)))
    assert hand.busy() == []


async def test_records_given_back_are_no_longer_in_hand_and_earlier_ones_may_still_be_committed() -> None:
    hand = InHand()
    hand.take(records(5, 6, 7, 8))
    assert hand.give_back(records(7, 8)) == {("t", 0): 7}
    assert hand.positions(records(5, 6)) == {("t", 0): 7}
    with pytest.raises(PositionLostError):
        hand.positions(records(8))
    hand.settle({("t", 0): 7})
    assert hand.busy() == []


async def test_giving_everything_back_leaves_nothing_busy() -> None:
    hand = InHand()
    hand.take(records(5, 6))
    hand.give_back(records(5, 6))
    assert hand.busy() == []
    hand.take(records(5, 6))
    assert hand.positions(records(6)) == {("t", 0): 7}


async def test_a_lost_partition_cannot_be_committed_or_given_back() -> None:
    hand = InHand()
    hand.take([*records(5), *records(5, partition=1)])
    hand.lose([("t", 0)])
    with pytest.raises(PositionLostError):
        hand.positions(records(5))
    assert hand.give_back(records(5)) == {}
    assert hand.positions(records(5, partition=1)) == {("t", 1): 6}
    hand.lose()
    with pytest.raises(PositionLostError):
        hand.positions(records(5, partition=1))


@pytest.mark.parametrize("ending", ["settle", "give_back", "lose"])
async def test_waiting_for_a_settled_hand_ends_when_it_is(ending: str) -> None:
    hand = InHand()
    await hand.wait_settled()
    hand.take(records(1, 2))
    waiting = asyncio.create_task(hand.wait_settled())
    await asyncio.sleep(0)
    hand.settle(hand.positions(records(1)))
    await asyncio.sleep(0)
    assert not waiting.done()
    if ending == "settle":
        hand.settle(hand.positions(records(2)))
    elif ending == "give_back":
        hand.give_back(records(2))
    else:
        hand.lose()
    async with asyncio.timeout(30):
        await waiting
