"""Sign what an official found for one request: compatible, relevant and necessary, a risk of harm, accuracy reviewed.

A finding is never inferred and serves no other request: it is bound to the id of the request and carries a signature that
anybody can check with the keys of `GET /v1/keys`.
"""

from datetime import datetime
from uuid import UUID

from common.auth import Principal
from common.database import WriteSession
from common.errors import FieldError, InvalidError
from common.ids import new_id
from disclosure import papers, repository, rulebook
from disclosure.errors import AlreadyReleasedError, OwnRequestError, UnknownRequestError
from disclosure.grants import Signer
from disclosure.tables import DisclosureRequest, FindingRow

FINDERS = ("privacy_officer",)


async def sign(
    session: WriteSession,
    *,
    request_id: UUID,
    finding: str,
    found: bool,
    record: str,
    actor: Principal,
    signer: Signer,
    now: datetime,
) -> FindingRow:
    """Enter a finding; of several of a kind the latest counts.

    Args:
        record: the mark under which its reasons are filed.

    Raises:
        UnknownRequestError: no such request.
        OwnRequestError: the actor made the request.
        AlreadyReleasedError: what it asked for was released.
        InvalidError: the basis of the request asks for no such finding.
    """
    request = await repository.lock_request(session, request_id)
    if request is None:
        raise UnknownRequestError
    if request.requested_by == actor.id:
        raise OwnRequestError
    if await repository.is_released(session, request_id):
        raise AlreadyReleasedError
    known = asked_for(request)
    if finding not in known:
        rule = f"is no finding that this basis asks for; it asks for: {', '.join(known) or 'none'}"
        raise InvalidError("the basis of the request asks for no such finding", errors=[FieldError("finding", rule)])
    row = FindingRow(
        id=new_id(),
        request_id=request_id,
        requested_by=request.requested_by,
        finding=finding,
        found=found,
        record=record,
        found_by=actor.id,
        role=next(role for role in FINDERS if role in actor.roles),
        found_at=now,
        signature="",
    )
    row.signature = signer.attest(claims_of(row))
    await papers.add(session, row)
    return row


def asked_for(request: DisclosureRequest) -> list[str]:
    """The findings that the basis of a request asks for."""
    rules = rulebook.current(rulebook.system_of(request.basis))
    basis = rules.bases.get(request.basis)
    elements = (*rules.notice.common, *(basis.elements if basis else ()))
    return [element.fact for element in elements if element.accepts == "signed-finding"]


def claims_of(row: FindingRow) -> dict[str, str | bool | int]:
    """What the signature of a finding covers."""
    return {
        "jti": str(row.id),
        "sub": f"request:{row.request_id}",
        "iat": int(row.found_at.timestamp()),
        "finding": row.finding,
        "found": row.found,
        "record": row.record,
        "by": row.found_by,
        "role": row.role,
    }
