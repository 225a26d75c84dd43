"""Whether there is a transcript is not told to somebody whose it is not: not by the answer, the work or the time."""

import pytest

from common.ids import new_id
from tests.plugins.likeness import said, statements, told_apart
from tests.transcripts.conversations import Conversation
from tests.transcripts.desk import Desk


@pytest.mark.parametrize("route", ["", "/copy", "/verification", "/accesses"])
@pytest.mark.req("S2-045")
async def test_somebody_elses_and_none_are_one_answer_after_the_same_questions(desk: Desk, route: str) -> None:
    [theirs] = await desk.keep(Conversation())
    answers, asked = [], []
    for transcript_id in (new_id(), theirs, new_id()):
        with statements() as heard:
            answer = await desk.get(f"/v1/transcripts/{transcript_id}{route}", "customer", sub="somebody-else")
        answers.append(said(answer))
        asked.append(list(heard))
    assert answers[0][0] == 404
    assert answers[0] == answers[1] == answers[2]
    assert asked[1] == asked[2] != []


@pytest.mark.req("S2-045")
async def test_they_take_the_same_time(desk: Desk) -> None:
    [theirs] = await desk.keep(Conversation(texts=["What was said."] * 30))
    nowhere = str(new_id())
    headers = desk.issuer.headers("customer", sub="somebody-else")
    assert not await told_apart(
        lambda: desk.client.get(f"/v1/transcripts/{theirs}", headers=headers),
        lambda: desk.client.get(f"/v1/transcripts/{nowhere}", headers=headers),
    )
