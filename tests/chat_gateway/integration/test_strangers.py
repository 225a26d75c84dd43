"""Who is no party to a case gets the acknowledgement and nothing else; who acts for somebody proves it first."""

from datetime import date
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest

from chat_gateway.answering_schemas import UseAnswer
from chat_gateway.routing.registers import load
from chat_gateway.saying.wordings import PLACEHOLDERS, Wording, Wordings, wordings
from tests.chat_gateway.integration.conftest import Gateway
from tests.chat_gateway.integration.test_answers import answered
from tests.chat_gateway.integration.test_handing_on import taken
from tests.chat_gateway.integration.test_speaking import said
from tests.chat_gateway.listening import Speaker
from tests.chat_gateway.talking import Frame, Talker, chained


async def regarded(agent: Talker, session_id: UUID, standing: str, basis: str) -> Frame:
    seen = len(agent.frames)
    await agent.say(type="regard", session_id=session_id, standing=standing, basis=basis)

    def came() -> list[Frame]:
        return [f for f in agent.frames[seen:] if f["type"] == "error" or f.get("kind") == "regarded"]

    await agent.until(lambda: bool(came()))
    return came()[0]


@pytest.mark.req("S2-043", "S2-044", "S2-045", "S2-055")
async def test_a_stranger_gets_the_same_words_whether_there_is_a_case_or_not_and_nothing_else(gateway: Gateway) -> None:
    heard = []
    async with gateway.talker("agent", sub="a-1") as agent:
        for account in ("known", "unknown"):  # the first one has had conversations here before
            async with gateway.talker("customer", sub=account, ial=1, aal=1) as customer:
                if account == "known":
                    before = await taken(agent, customer)
                    await customer.ask("closed", type="close", session_id=before)
                session_id = await taken(agent, customer)
                assert (await regarded(agent, session_id, "stranger", "asks-about-another"))["kind"] == "regarded"
                for text in ("His claim is pending.", "I am sorry, no.", "Thank you for writing."):
                    refused = await said(agent, session_id, text)
                    assert refused["rules"][0]["rule"] == "acknowledgement-only"
                    assert refused["rules"][0]["suggests"] == "acknowledgement"
                checked = await agent.ask("checked", type="check", session_id=session_id, text="Yes.")
                assert checked["verdict"] == "block"
                async with httpx.AsyncClient(base_url=gateway.http) as http:
                    headers = gateway.issuer.headers("agent", sub="a-1")
                    page = await http.get(f"/v1/answers?session_id={session_id}", headers=headers)
                    assert {a["answer"] for a in page.json()["answers"]} == set(wordings().ids())
                assert (await answered(agent, session_id, 1, "acknowledgement"))["type"] == "entry"
                await customer.until_seq(session_id, 4)
                heard.append(customer.entries(session_id)[-1]["pii"]["text"])
                back = await regarded(agent, session_id, "party", "mistake")
                assert back["code"] == "not-in-this-state", "nobody becomes a party by an employee's word"
    assert heard[0] == heard[1]
    assert "letter" in heard[0]
    assert "telephone" in heard[0]
    named = {name for name in UseAnswer.model_fields if name not in {"type", "session_id", "client_id", "seen_seq"}}
    assert named == {"answer", "version"}, "there is no field into which an identifier could be written"


@pytest.mark.req("S2-058")
async def test_the_automatic_answer_to_email_names_telephone_and_letter_and_looks_nothing_up(
    gateway: Gateway,
) -> None:
    async with httpx.AsyncClient(base_url=gateway.http) as http:
        english = (await http.get("/v1/wordings/email-reply")).json()
        spanish = (await http.get("/v1/wordings/email-reply?language=es")).json()
        other = (await http.get("/v1/wordings/email-reply?language=de")).json()
        nothing = await http.get("/v1/wordings/something")
        tried = await http.get("/v1/wordings/acknowledgement?name=Jane&number=219099999")
    assert {"telephone", "letter"} <= set(english["text"].replace(",", "").replace(".", "").split())
    assert "carta" in spanish["text"]
    assert "teléfono" in spanish["text"]
    assert other == english
    assert nothing.status_code == 404
    assert "Jane" not in tried.text
    assert await gateway.count("audit_entry") == 0


def test_a_wording_has_no_place_to_fill_in_and_every_language_its_default() -> None:
    plain = Wording("x", 1, "en", date(2026, 1, 1), True, "y", "Dear sir")
    assert Wordings([plain]).current("x", "es", date(2026, 2, 1)) == plain
    assert Wordings([plain]).current("x", "es", date(2025, 2, 1)) is None
    for mark in PLACEHOLDERS:
        with pytest.raises(ValueError, match="fill in"):
            Wordings([Wording("x", 1, "en", date(2026, 1, 1), True, "y", f"Dear {mark}name")])
    with pytest.raises(ValueError, match="missing"):
        Wordings([Wording("x", 1, "es", date(2026, 1, 1), True, "y", "Hola")])
    with pytest.raises(ValueError, match="twice"):
        Wordings([plain, plain])


@pytest.mark.req("S2-057")
def test_no_topic_sends_anybody_to_email() -> None:
    registers = load(None)
    for _, version in registers.offered(date(2026, 6, 1)):
        assert {"telephone", "mail"} <= set(version.other_channels)
        assert not [code for code in version.other_channels if "email" in code or "e-mail" in code]


ENTRY: dict[str, Any] = {
    "kind": "guardian", "represented": "ward", "representative": "guardian-1", "proof": "G-2026/114", "valid_from": "2026-01-01",
    "valid_until": "2027-12-31",
}  # fmt: skip


class Register:
    def __init__(self, gateway: Gateway, http: httpx.AsyncClient) -> None:
        self._gateway, self._http = gateway, http

    async def ask(self, path: str, sub: str, json: Any = None) -> httpx.Response:
        headers = self._gateway.issuer.headers("supervisor", sub=sub) | {"Idempotency-Key": str(uuid4())}
        return await self._http.post(f"/v1/authorities{path}", headers=headers, json=json)

    async def enter(self, **changes: Any) -> str:
        answer = await self.ask("", "s-1", ENTRY | changes)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["authority_id"])

    async def approved(self, **changes: Any) -> str:
        authority_id = await self.enter(**changes)
        assert (await self.ask(f"/{authority_id}/approval", "s-2")).status_code == 201
        return authority_id


@pytest.mark.req("S1-037")
async def test_who_acts_for_somebody_comes_in_with_a_proof_and_every_entry_says_who_speaks(gateway: Gateway) -> None:
    async with (
        httpx.AsyncClient(base_url=gateway.http) as http,
        gateway.talker("customer", sub="ward", display_name="A. Ward") as ward,
        gateway.talker("customer", sub="guardian-1", display_name="B. Guardian") as guardian,
        gateway.talker("agent", sub="a-1") as agent,
    ):
        register = Register(gateway, http)
        session_id = await taken(agent, ward)
        good = await register.approved()
        wrong = {
            "nobody checked it": await register.enter(proof="G-1"),
            "it is over": await register.approved(valid_until="2026-01-31"),
            "it has not begun": await register.approved(valid_from="2099-01-01", valid_until=None),
            "it is for somebody else": await register.approved(represented="other"),
            "it is somebody else's": await register.approved(representative="guardian-2"),
            "there is none": str(uuid4()),
        }
        ended = await register.approved()
        await register.ask(f"/{ended}/end", "s-1")
        for why, authority_id in [*wrong.items(), ("it ended", ended)]:
            refused = await guardian.ask("error", type="accompany", session_id=session_id, authority_id=authority_id)
            assert refused["code"] == "unknown-session", why
        nowhere = await guardian.ask("error", type="accompany", session_id=uuid4(), authority_id=good)
        assert nowhere["code"] == "unknown-session"
        assert (await said(agent, session_id, "Your father's claim is pending."))["code"] == "draft-blocked"
        await guardian.ask("joined", type="accompany", session_id=session_id, authority_id=good)
        await guardian.until_seq(session_id, 3)
        assert (await said(guardian, session_id, "I speak for my ward."))["seq"] == 4
        assert (await said(ward, session_id, "That is right."))["seq"] == 5
        quoted = await said(ward, session_id, "Dear Sir, your request was received.", third_party=True)
        assert quoted["seq"] == 6
        assert (await said(agent, session_id, "Your father's claim is pending."))["seq"] == 7
        await guardian.until_seq(session_id, 7)
        await agent.until_seq(session_id, 6)
        page = (await http.get(f"/v1/sessions/{session_id}", headers=gateway.issuer.headers("agent", sub="a-1"))).json()
        assert [(p["role"], p["display_name"]) for p in page["participants"]] == [
            ("customer", "A. Ward"), ("agent", "Ms. Rivera"), ("representative", "B. Guardian"),
        ]  # fmt: skip
        assert page["classification"] == "unclassified"
        assert (await guardian.ask("error", type="close", session_id=session_id))["code"] == "unknown-session"
        assert (await guardian.ask("error", type="leave", session_id=session_id))["code"] == "unknown-session"
        await register.ask(f"/{good}/end", "s-2")
        assert (await said(guardian, session_id, "And another thing"))["code"] == "unknown-session"
        back = await guardian.ask("error", type="resume", session_id=session_id, after_seq=0)
        assert back["code"] == "unknown-session", "an authority that ended ends the part"
        await agent.ask("closed", type="close", session_id=session_id)
    told = {e["seq"]: e for e in agent.entries(session_id)}
    assert [(told[n]["role"], told[n].get("source")) for n in (4, 5, 6)] == [
        ("representative", None), ("customer", None), ("customer", "third-party"),
    ]  # fmt: skip
    assert told[1]["classification"] == "unclassified"
    assert (told[3]["authority_id"], told[3]["authority"]) == (good, "guardian")
    assert "100001" not in str(guardian.frames), "no PIN for the public"
    opened = next(f for f in guardian.all("entry") if f["kind"] == "opened")
    assert "account_id" not in opened["entry"]["pii"]
    first = [e for e in guardian.entries(session_id) if e["seq"] < 4]
    assert chained(first) == [e["digest"] for e in first]
    kept = (await gateway.rows("SELECT string_agg(encode(sealed, 'escape'), '') AS said FROM authority"))[0]["said"]
    assert "guardian-1" not in kept
    actions = await gateway.rows("SELECT kind FROM session_entry ORDER BY seq")
    assert [row["kind"] for row in actions][:3] == ["opened", "joined", "accompanied"]
    finished = await gateway.rows("SELECT count(*) FROM outbox WHERE topic = 'action.completed'")
    assert finished[0][0] == 1, "a representative did no work of the agency's"


async def test_a_representative_who_comes_while_the_person_waits_changes_nothing_of_the_place(gateway: Gateway) -> None:
    async with (
        httpx.AsyncClient(base_url=gateway.http) as http,
        gateway.talker("customer", sub="ward") as ward,
        gateway.talker("customer", sub="guardian-1") as guardian,
    ):
        session_id = await ward.open()
        before = await gateway.rows("SELECT * FROM placement")
        good = await Register(gateway, http).approved()
        gateway.clock.turn(seconds=5)
        await guardian.ask("joined", type="accompany", session_id=session_id, authority_id=good)
        after = await gateway.rows("SELECT * FROM placement")
        status = (await gateway.rows("SELECT status FROM chat_session"))[0]["status"]
        own = await Register(gateway, http).ask("", "s-1", ENTRY | {"representative": "ward"})
        numbered = await Register(gateway, http).ask("", "s-1", ENTRY | {"proof": "219-09-9999"})
    assert [(r["stage"], r["since"], r["queued_at"]) for r in after] == [
        (r["stage"], r["since"], r["queued_at"]) for r in before
    ]
    assert status == "waiting"
    assert (own.status_code, numbered.status_code) == (422, 422)
    with pytest.raises(asyncpg.CheckViolationError):
        await gateway.rows(
            "INSERT INTO authority_mark SELECT id, entered_by, 'approved', valid_from, entered_by, entered_at FROM authority"
        )


@pytest.mark.peer("G50")
@pytest.mark.parametrize("how", ["ended", "ran-out"])
async def test_who_came_in_by_an_authority_hears_no_more_when_it_holds_no_more(gateway: Gateway, how: str) -> None:
    """At once, and on every transport: they need not say anything."""
    async with (
        httpx.AsyncClient(base_url=gateway.http) as http,
        gateway.talker("customer", sub="ward") as ward,
        gateway.talker("customer", sub="guardian-1") as guardian,
        gateway.talker("agent", sub="a-1") as agent,
        Speaker.at(gateway.http, gateway.issuer.headers("customer", sub="guardian-1")) as elsewhere,
    ):
        register = Register(gateway, http)
        session_id = await taken(agent, ward)
        good = await register.approved(valid_until=None if how == "ended" else "2026-03-02")
        await guardian.ask("joined", type="accompany", session_id=session_id, authority_id=good)
        async with elsewhere.stream(f"{session_id}:0") as stream:
            await stream.until("entry", 3)
            if how == "ended":
                await register.ask(f"/{good}/end", "s-2")
            else:
                gateway.clock.turn(days=1)
            assert (await guardian.first("left"))["session_id"] == str(session_id)
            await stream.until("left")
            await said(ward, session_id, "Now I can say it.")
            assert "Now I can say it." not in str(guardian.frames) + str(stream.frames)
