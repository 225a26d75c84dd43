"""`make demo`: one conversation through all five services, and what each of them then holds, as a reader wants to see it."""

import argparse
import asyncio
import contextlib
import textwrap
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import httpx

from common.ids import new_id
from muniment import daemon
from muniment.chat_client import ChatClient
from muniment.conversations import Conversation, service_chat
from muniment.errors import PlainError
from muniment.home import Home, find_home
from muniment.processes import LOOPBACK
from muniment.tokens import Issuer
from muniment.up import up

WAIT_SECONDS = 30.0
WIDTH = 110
SHOWN_TURNS = 6
LAYER = "for-congress"


class Platform:
    """The running platform as a caller sees it: addresses, and a token for whoever is asked for."""

    def __init__(self, home: Home, ports: dict[str, int]) -> None:
        self._issuer = Issuer(home)
        self._ports = ports
        self._client = httpx.AsyncClient(timeout=30)

    def address(self, service: str, scheme: str = "http") -> str:
        return f"{scheme}://{LOOPBACK}:{self._ports[f'{service}-api']}"

    def gateways(self, scheme: str = "ws") -> list[str]:
        """The address of every process of the chat gateway."""
        names = [name for name in self._ports if name.startswith("chat-gateway-api")]
        return [f"{scheme}://{LOOPBACK}:{self._ports[name]}" for name in sorted(names)]

    def token(self, role: str, **claims: Any) -> str:
        return self._issuer.mint(role, **claims)

    async def call(
        self, method: str, service: str, path: str, *, role: str, expect: tuple[int, ...] = (200, 201), **options: Any
    ) -> Any:
        """Call a service as this role; the answer's JSON.

        Raises:
            PlainError: another status than expected.
        """
        headers = {"Authorization": f"Bearer {self.token(role)}", "Idempotency-Key": str(new_id())}
        headers |= options.pop("headers", {})
        answer = await self._client.request(method, self.address(service) + path, headers=headers, **options)
        if answer.status_code not in expect:
            raise PlainError(f"{method} {path} of {service} answered {answer.status_code}: {answer.text[:300]}")
        return answer.json()

    async def close(self) -> None:
        await self._client.aclose()


async def until(question: Callable[[], Awaitable[Any]], what: str) -> Any:
    """Ask until there is an answer: services hear of things a moment later.

    Raises:
        PlainError: nothing came in time.
    """
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(WAIT_SECONDS):
            while True:
                if found := await question():
                    return found
                await asyncio.sleep(0.1)
    raise PlainError(f"{what} did not come within {WAIT_SECONDS:g} s: `.venv/bin/muniment logs` may say why.")


async def converse(platform: Platform, conversation: Conversation) -> dict[str, Any]:
    """Play the conversation between a customer and an agent. Returns the closing frame and both clients' entries."""
    url = platform.address("chat-gateway", "ws")
    customer_token, agent_token = platform.token("customer", sub="demo-account"), platform.token("agent")
    async with ChatClient(url, customer_token) as customer, ChatClient(url, agent_token) as agent:
        session_id = await customer.open(conversation.topic)
        await agent.join(session_id)
        for turn in conversation.turns:
            acknowledged = await (customer if turn.speaker == "customer" else agent).say(turn.text)
            await asyncio.gather(customer.until_seq(acknowledged["seq"]), agent.until_seq(acknowledged["seq"]))
        closed = await customer.close()
        await agent.until_closed()
        return {"session_id": session_id, "closed": closed, "customer": customer.entries, "agent": agent.entries}


async def play(platform: Platform) -> None:
    conversation = service_chat()
    heading("The conversation", "chat-gateway")
    kind = "a real customer-service chat" if conversation.real else "a conversation of the project's own"
    say(f"Playing {kind} ({conversation.id}), {len(conversation.turns)} turns, topic {conversation.topic}.")
    held = await converse(platform, conversation)
    for turn in conversation.turns[:SHOWN_TURNS]:
        say(f"{turn.speaker:>9}: {turn.text}")
    say(f"           … and {max(0, len(conversation.turns) - SHOWN_TURNS)} more")
    say(f"Closed with entry {held['closed']['seq']}; running digest {held['closed']['digest'][:16]}…")
    say("Customer and agent hold the same entries 1..n, and each checked the digest by itself.")
    transcript = await show_transcript(platform, held["session_id"], held["closed"]["digest"])
    await show_production(platform, held["session_id"])
    decided = await show_disclosure(platform, transcript["id"])
    await show_release(platform, transcript["id"], decided["grant"]["token"])
    await show_retention(platform, transcript["id"])


async def show_transcript(platform: Platform, session_id: UUID, digest: str) -> dict[str, Any]:
    heading("The transcript", "transcripts")
    purpose = {"Purpose-Of-Use": "records-management"}

    async def find() -> Any:
        path = f"/v1/transcripts?session_id={session_id}"
        page = await platform.call("GET", "transcripts", path, role="records_officer", headers=purpose)
        return page["items"]

    (transcript,) = await until(find, "the sealed transcript")
    place = f"/v1/transcripts/{transcript['id']}"
    audit = {"Purpose-Of-Use": "audit"}
    proof = await platform.call("GET", "transcripts", f"{place}/verification", role="auditor", headers=audit)
    say(f"Transcript {transcript['id']}, sealed {transcript['sealed_at']}")
    say(
        f"{transcript['last_seq']} entries, {transcript['message_count']} messages, notice {transcript['notice_version']}"
    )
    same = "the gateway's closing digest" if transcript["digest"] == digest else "ANOTHER digest than the gateway's"
    say(f"Recomputed just now: {'it holds' if proof['holds'] else 'IT DOES NOT HOLD'}, and it is {same}.")
    looks = await platform.call("GET", "transcripts", f"{place}/accesses", role="privacy_officer", headers=audit)
    say("Every look so far:")
    for look in looks["items"]:
        say(
            f"   {look['at']}  {look['action']}  for {look['purpose']}  as {', '.join(look['roles'])}: {look['outcome']}"
        )
    refused = await platform.call("GET", "transcripts", place, role="records_officer", expect=(403,))
    say(f"Reading without a purpose is refused: {refused['detail']}")
    return dict(transcript)


async def show_production(platform: Platform, session_id: UUID) -> None:
    heading("The employee's day", "production")

    async def day() -> Any:
        report = await platform.call("GET", "production", "/v1/reports/daily/me", role="agent")
        return (
            report if any(c["session_id"] == str(session_id) and c["transcript_id"] for c in report["chats"]) else None
        )

    report = await until(day, "the agent's report")
    totals = report["totals"]
    say(f"{report['date']} ({report['time_zone']}), employee {report['employee_pin']}")
    say(
        f"{totals['actions']} actions, {totals['minutes']} minutes, {totals['chats']} chats, {totals['messages']} messages"
    )
    for line in report["actions"]:
        say(f"   {line['kind']}  {line['form_type']}: {line['actions']} ({line['minutes']} minutes)")
    action = {
        "action_id": str(new_id()),
        "kind": "case_adjudicated",
        "outcome": "note says 219-09-9999",
        "started_at": "2026-03-02T14:00:00Z",
        "completed_at": "2026-03-02T14:25:00Z",
        "office": "S01",
        "region": "R1",
        "pii": {"employee_pin": "100001", "case_number": ""},
    }
    refused = await platform.call("POST", "production", "/v1/actions", role="case_system", expect=(422,), json=action)
    say(f"An action that carries a social security number is refused: {refused['detail']}")


async def show_disclosure(platform: Platform, transcript_id: str) -> dict[str, Any]:
    heading("May it be disclosed?", "disclosure")
    asked = {
        "transcript_ids": [transcript_id],
        "basis": "routine-use-1",
        "recipient_kind": "congressional-office",
        "purpose": "answer-inquiry",
        "facts": {"tax.return-information": "absent", "inquiry.asked-by": "subject"},
    }
    request = await platform.call("POST", "disclosure", "/v1/requests", role="analyst", json=asked)
    say("A congressional office asks for it, with little shown so far (routine use 1).")
    path = f"/v1/requests/{request['id']}/decision"

    async def known() -> Any:
        answer = await platform.call("POST", "disclosure", path, role="privacy_officer", json={"facts": {}})
        return None if any(m.startswith("transcript") for m in answer["missing"]) else answer

    undecided = await until(known, "the transcript in the disclosure service")
    say(f"Decision: {undecided['outcome'].upper()}; missing: {', '.join(undecided['missing'])}")
    shown = {
        "facts": {
            "inquiry.reference": "CONG-2026-0117",
            "inquiry.from-recipient": True,
            "inquiry.on-behalf-of-subject": True,
            "inquiry.request": "LETTER-2026-03-01",
        },
        "release": {
            "recipient_name": "Office of a Member of Congress",
            "recipient_address": "123 Capitol Road, Washington, DC",
            "layer": LAYER,
        },
    }
    finding = {"finding": "accuracy.reviewed", "found": True, "record": "REVIEW-2026-117"}
    await platform.call(
        "POST", "disclosure", f"/v1/requests/{request['id']}/findings", role="privacy_officer", json=finding
    )
    say("A privacy officer signs that the records' accuracy was reviewed: the office is no agency.")
    allowed = await platform.call("POST", "disclosure", path, role="privacy_officer", json=shown)
    say(f"With that shown: {allowed['outcome'].upper()}")
    for reason in allowed["reasons"]:
        say(f"   {reason['answer']:<4} {reason['asks']} ({reason['citation']})")
    accounting = await platform.call(
        "GET",
        "disclosure",
        f"/v1/accountings?transcript_id={transcript_id}",
        role="auditor",
        headers={"Purpose-Of-Use": "audit"},
    )
    for row in accounting["items"]:
        when = row.get("disclosed_at") or row.get("at", "")
        say(f"Accounted in the same transaction: {when}, {row.get('purpose', '')}, to {row.get('recipient_name', '')}")
    return dict(allowed)


async def show_release(platform: Platform, transcript_id: str, grant: str) -> None:
    heading("What leaves", "transcripts")
    layers = f"/v1/transcripts/{transcript_id}/layers"
    opening = {"name": LAYER, "audience": "others", "customer": {}}
    await platform.call("POST", "transcripts", layers, role="privacy_officer", json=opening)
    found = (await platform.call("GET", "transcripts", f"{layers}/{LAYER}", role="privacy_officer"))["spans"]
    say(f"Searched for what is about a person and must stay behind: {len(found)} found.")
    for span in found:
        say(f"   entry {span['seq']}, characters {span['start']} to {span['end']}: {span['kind']}")
    places = [{name: span[name] for name in ("seq", "start", "end", "kind")} for span in found]
    decisions = {"decisions": [place | {"decision": "redact"} for place in places]}
    await platform.call("POST", "transcripts", f"{layers}/{LAYER}/decisions", role="privacy_officer", json=decisions)
    early = await platform.call(
        "POST", "transcripts", "/v1/releases", role="privacy_officer", json={"grant": grant}, expect=(409,)
    )
    say(f"Taking the grant before anybody confirmed the review is refused: {early['title']}.")
    await platform.call("POST", "transcripts", f"{layers}/{LAYER}/review", role="privacy_officer")
    released = await platform.call("POST", "transcripts", "/v1/releases", role="privacy_officer", json={"grant": grant})
    (copy,) = released["copies"]
    path = f"/v1/releases/{released['grant_id']}/copies/{transcript_id}"
    document = await platform.call("GET", "transcripts", path, role="privacy_officer")
    say(f"Reviewed, and released once. The copy that went (SHA-256 {copy['copy_hash'][:16]}…) begins:")
    for line in [one for one in document["lines"] if one.get("text")][:SHOWN_TURNS]:
        say(f"{line['who']:>12}: {line['text']}")
    again = await platform.call(
        "POST", "transcripts", "/v1/releases", role="privacy_officer", json={"grant": grant}, expect=(409,)
    )
    say(f"The same grant once more is refused: {again['title']}.")


async def show_retention(platform: Platform, transcript_id: str) -> None:
    heading("May it be destroyed?", "retention")

    async def registered() -> Any:
        path = f"/v1/records/{transcript_id}/eligibility"
        answer = await platform.call("GET", "retention", path, role="records_officer", expect=(200, 404))
        return answer if "reasons" in answer else None

    eligibility = await until(registered, "the record in the register")
    say("Why not yet:")
    for reason in eligibility["reasons"]:
        say(f"   {reason['code']}: {reason['text'] if 'text' in reason else reason.get('sentence', '')}")
    path = f"/v1/records/{transcript_id}/destruction"
    refused = await platform.call("POST", "retention", path, role="hq_admin", expect=(409,), json={})
    say(f"Asked to destroy it all the same, it answers {refused['status']}: {refused['detail']}")


def heading(title: str, service: str) -> None:
    print(f"\n── {title} ── {service} " + "─" * max(0, WIDTH - len(title) - len(service) - 8))


def say(text: str) -> None:
    print(textwrap.fill(text, WIDTH, subsequent_indent=" " * 11, break_long_words=False, replace_whitespace=False))


def main(_: argparse.Namespace) -> int:
    """Bring the platform up where needed, then play."""
    home = find_home()
    report = daemon.status(home) if home.run.exists() else None
    if report is None or report["kind"] != "platform":
        up(home, None, brief=True)
        report = daemon.status(home)
    if report is None:
        raise PlainError("The platform did not stay up: `.venv/bin/muniment logs` may say why.")
    report = daemon.wait_until_ready(home)
    asyncio.run(_play(Platform(home, report["facts"]["ports"])))
    print(
        "\nNext: open", f"http://{LOOPBACK}:{report['facts']['ports']['disclosure-api']}/docs", "or read docs/events.md"
    )
    return 0


async def _play(platform: Platform) -> None:
    try:
        await play(platform)
    finally:
        await platform.close()


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = subparsers.add_parser("demo", help="play one conversation through all five services")
    parser.set_defaults(func=main)
