"""Those who put packages together, review, approve and send them, as tests speak of them."""

import hashlib
from typing import Any
from uuid import UUID

from disclosure.packages.law_files import marking
from tests.disclosure.desk import RECIPIENT, Desk
from tests.disclosure.requests_desk import Counter

PREPARER, REVIEWER, APPROVER, SENDER = "analyst-1", "supervisor-1", "privacy_officer-1", "analyst-2"
LABEL = {"name": RECIPIENT["recipient_name"], "address": RECIPIENT["recipient_address"]}
REQUESTER = {"label": "asks", "role": "requester", "given": ["Quentin"], "family": "Recipient", "ssn": "219-09-9999"}
OTHER = {"label": "other", "role": "co-worker", "given": ["Peter"], "family": "Otherman", "ssn": "457-55-5462",
         "known": {"date-of-birth": ["1961-03-04"]}}  # fmt: skip
ASKED = {"form": "written", "signed": True, "reference": "SCAN-204"}
EVENTS = ("pickup", "receipt", "transfer", "delivery")
WRAPPED = dict.fromkeys(("double_wrapped", "opaque", "sealed", "tamper_evident"), True)
REGISTERED = {"way": "mail", "carrier": "usps-registered", "tracking_number": "RE123456785US", "addressed_to": LABEL}
WARNING = marking().text


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


class Mailroom(Counter):
    """Sends packages; the release that they rest on is decided first."""

    async def opened(self, desk: Desk, *, people: list[dict[str, Any]] | None = None, **changes: Any) -> dict[str, Any]:
        """A package on a release of one transcript. The answer has the transcript as `record`."""
        record = await desk.transcript()
        decided = await desk.decide(await desk.asked(transcripts=[record]), release=True)
        assert decided.status_code == 201, decided.text
        accounting = await self.store.fetchval("SELECT max(id::text) FROM accounting")
        body = {"nature": "copy-of-file", "accounting_id": accounting, "asked": ASKED, "people": people or [REQUESTER]}
        made = await self.do("POST", "/release-packages", body | changes, role="analyst", sub=PREPARER)
        return made | {"record": str(record)}

    async def item(self, package: dict[str, Any], original: str = "the original", **changes: Any) -> str:
        """List something; its id."""
        count = await self.store.fetchval(
            "SELECT count(*) FROM package_item WHERE package_id = $1", UUID(package["id"])
        )
        body = {
            "form": "electronic",
            "record_id": package["record"],
            "reference": f"DOC-{count}",
            "sha256": sha(original),
        }
        found = await self.do(
            "POST", f"/release-packages/{package['id']}/items", body | changes, role="analyst", sub=PREPARER
        )
        return str(found["items"][-1]["id"])

    async def review(self, package: dict[str, Any], item: str, outcome: str = "clean", **more: Any) -> dict[str, Any]:
        status = more.pop("status", 201)
        sub, role = more.pop("sub", REVIEWER), more.pop("role", "supervisor")
        path = f"/release-packages/{package['id']}/items/{item}/review"
        return await self.do("POST", path, {"outcome": outcome} | more, role=role, sub=sub, status=status)

    async def copy(
        self, package: dict[str, Any], item: str, text: str = "Nothing of anybody.", *, status: int = 201, **more: Any
    ) -> dict[str, Any]:
        sub = more.pop("sub", PREPARER)
        redaction = {"redaction": more.pop("redaction")} if "redaction" in more else {}
        made = {"sha256": sha(f"copy of {item}"), "reference": "COPY-1", "text": [{"seq": 1, "text": text}]} | more
        path = f"/release-packages/{package['id']}/items/{item}/copy"
        return await self.do("POST", path, {"copy": made} | redaction, role="analyst", sub=sub, status=status)

    async def approve(self, package: dict[str, Any], *, sub: str = APPROVER, status: int = 201) -> dict[str, Any]:
        path = f"/release-packages/{package['id']}/approval"
        return await self.do("POST", path, {"outcome": "approved"}, sub=sub, status=status)

    async def approved(self, desk: Desk, *texts: str, **changes: Any) -> dict[str, Any]:
        """An approved package with one clean item a text."""
        package = await self.opened(desk, **changes)
        for text in texts or ("Nothing of anybody.",):
            item = await self.item(package, original=f"original of {text}")
            await self.review(package, item)
            await self.copy(package, item, text)
        await self.approve(package)
        return package

    async def send_off(self, package: dict[str, Any], *, status: int = 201, **changes: Any) -> dict[str, Any]:
        path = f"/release-packages/{package['id']}/shipments"
        return await self.do("POST", path, REGISTERED | changes, role="analyst", sub=SENDER, status=status)

    async def track(self, shipment: dict[str, Any], event: str, status: int = 201, **changes: Any) -> dict[str, Any]:
        body = {"event": event, "at": self.clock.now().isoformat()} | changes
        return await self.do("POST", f"/shipments/{shipment['id']}/events", body, role="analyst", status=status)

    async def medium(self, record: str, *, status: int = 201, **changes: Any) -> dict[str, Any]:
        """A medium that was made here, on an approval."""
        need = {"record_id": record, "reason": "no-other-way-to-send", "reference": "DET-1"}
        necessity = await self.do("POST", "/media-necessities", need)
        body = {"origin": "made", "kind": "flash-drive", "record_id": record, "mark": "FD-9", "encrypted": True,
                "certificate": "FIPS-140-3-4711", "necessity_id": necessity["id"], "place": {"kind": "safe", "mark": "SAFE-2"}}  # fmt: skip
        return await self.do("POST", "/media", body | changes, role="analyst", sub=PREPARER, status=status)
