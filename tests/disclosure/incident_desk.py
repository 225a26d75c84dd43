"""Those who work on incidents: examiner, district and regional director, National Office, privacy officer, as tests speak of them."""

from typing import Any

from tests.disclosure.desk import Desk
from tests.disclosure.mailroom import Mailroom

EXAMINER, DISTRICT, REGION, OFFICER = "analyst-1", "office_admin-1", "regional_admin-1", "privacy_officer-1"
ANSWERS = {
    "sensitivity.context": "no",
    "sensitivity.vulnerable": "no",
    "sensitivity.permanence": "lasting",
    "likelihood.protection": "open",
    "likelihood.exposure": "days",
    "likelihood.misuse": "none",
    "type.intent": "unintentional",
    "type.recipient": "known-and-cooperating",
}
REASONS = {"sensitivity": "A number that lasts.", "likelihood": "It was opened.", "type": "A mix-up."}
ASSESSED: dict[str, Any] = {"answers": ANSWERS, "reasons": REASONS, "harm": "identity-theft-or-fraud"}
ASKING = {"method": "telephone", "envelope_offered": True, "return_to": "district-office",
          "holder": {"name": "Hortense Holder", "contact": "410-555-0123"}}  # fmt: skip
REPORTED: dict[str, Any] = {"reference": "DOL-2026-11", "kinds": ["social-security-number"], "circumstances": "Mixed up.",
                            "how_discovered": "A call.", "recovery_actions": "Asked back."}  # fmt: skip
PARTS = {"happened": "A copy went astray.", "to_do": "Watch your accounts.", "being_done": "We got it back.",
         "telephone": "800-555-0100", "email": "privacy@agency.example", "address": "1 Main Street"}  # fmt: skip
CLOSING = {"disposition": "All of it came back.", "filed_as": "INC-2026-7"}


class Watch(Mailroom):
    """Reports incidents and works on them."""

    async def astray(self, desk: Desk, *texts: str) -> dict[str, Any]:
        """A package that left."""
        package = await self.approved(desk, *(texts or ("Quentin Recipient, 219-09-9999.",)))
        await self.send_off(package)
        self.clock.turn(seconds=60)
        return package

    async def report_it(self, trigger: str = "wrong-mail", *, status: int = 201, **changes: Any) -> dict[str, Any]:
        who = {"role": changes.pop("role", "analyst"), "sub": changes.pop("sub", EXAMINER)}
        body = {"trigger": trigger, "certainty": "confirmed", "detected_at": self.clock.now().isoformat(),
                "what_happened": "Two envelopes, zebra words.", "how_discovered": "A call."}  # fmt: skip
        return await self.do("POST", "/incidents", body | changes, status=status, **who)

    async def on(self, incident: dict[str, Any], act: str, body: Any = None, **who: Any) -> dict[str, Any]:
        return await self.do("POST", f"/incidents/{incident['id']}/{act}", body, **who)

    async def standing(self, incident: dict[str, Any]) -> dict[str, Any]:
        return await self.do("GET", f"/incidents/{incident['id']}", status=200)

    async def told(self, incident: dict[str, Any]) -> None:
        """District, region, department."""
        await self.on(incident, "district-notice", {"means": "telephone"}, role="analyst")
        await self.on(incident, "region-notice", {"means": "telephone"}, role="office_admin")
        await self.on(incident, "report", REPORTED, role="regional_admin")

    async def asked(self, incident: dict[str, Any], **changes: Any) -> dict[str, Any]:
        return await self.on(incident, "recaptures", ASKING | changes, role="analyst")

    async def came_of(
        self, recapture: dict[str, Any], act: str, *back: tuple[str, str], status: int = 201
    ) -> dict[str, Any]:
        body = {"act": act, "documents": [{"id": one, "outcome": outcome} for one, outcome in back]}
        return await self.do("POST", f"/recaptures/{recapture['id']}/acts", body, role="analyst", status=status)

    async def weighed(self, incident: dict[str, Any]) -> None:
        """Weighed, and everybody affected told."""
        await self.on(incident, "assessment", ASSESSED)
        for one in (await self.standing(incident))["affected"]:
            notice = {"person_id": one["person_id"], "outcome": "sent", "means": "telephone", "parts": PARTS}
            await self.on(incident, "notices", notice)

    async def to_the_end(self, desk: Desk) -> dict[str, Any]:
        """An incident with everything that one can have: a refusal, the National Office's advice, letters, a closing."""
        package = await self.astray(desk)
        incident = await self.report_it(package_id=package["id"])
        await self.told(incident)
        recapture = await self.asked(incident)
        await self.came_of(recapture, "refuse")
        await self.do("POST", f"/recaptures/{recapture['id']}/sign-off", role="regional_admin")
        await self.came_of(recapture, "escalate")
        await self.do("POST", f"/recaptures/{recapture['id']}/advice", {"advice": "Leave it."}, role="hq_admin")
        await self.came_of(recapture, "give-up")
        await self.weighed(incident)
        return await self.on(incident, "closing", CLOSING)
