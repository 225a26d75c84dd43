"""The page docs/permissions.md, written from the table of permissions and the register of purposes."""

from collections.abc import Iterable

from common.access import PERMISSIONS, PURPOSES, Row
from common.access.table import Grant

_HEAD = """<!-- Written by `make schemas`. The sources are purposes.yaml and permissions.yaml in libs/common/src/common/access: change
them there. -->
# Who may do what

The same table is the check at every door, the security section of each service's OpenAPI document, and the test of every
route by every role. An operation without a row does not start; a role that is not named is refused and recorded.

- **Reach.** *any*: all records. *own*: the caller's, or a conversation they took part in. *subordinate*: employees who are
  theirs, on that day and now. *office*, *region*, *controlled-office*: as the organisation chart says.
- **Purpose.** Stated in the header `Purpose-Of-Use` or the query parameter `purpose`; the one in *italics* counts where none
  is stated. Any other is refused with those that are possible, and recorded.
- **Standing.** Where records of others are touched, employees need training and signatures in order.
- **Private.** Whether the record exists is not told either: not there and not yours are answered alike.
"""
_SERVICES = {
    "chat_gateway": "chat-gateway",
    "transcripts": "transcripts",
    "production": "production",
    "disclosure": "disclosure",
    "retention": "retention",
    "every": "Every service",
}


def render() -> str:
    """The page's text."""
    parts = [_HEAD]
    for service, title in _SERVICES.items():
        rows = [row for row in PERMISSIONS.rows.values() if row.service == service]
        parts.append(f"\n## {title}\n")
        guarded = [row for row in rows if not row.public]
        if guarded:
            parts += ["\n| operation | where | what | roles: reach, for |\n|---|---|---|---|\n", *map(_row, guarded)]
        public = [row for row in rows if row.public]
        if public:
            parts += ["\n| open to everybody | where | what | why |\n|---|---|---|---|\n", *map(_public, public)]
    parts.append(
        "\n## The register of purposes\n\n| purpose | means | kind | authority | source |\n|---|---|---|---|---|\n"
    )
    for code, one in PURPOSES.items():
        parts.append(f"| `{code}` | {one.means} | {one.kind} | {'; '.join(one.authorities)} | {one.source} |\n")
    return "".join(parts)


def _row(row: Row) -> str:
    notes = [
        row.does,
        *(["private"] if row.private else []),
        *([_PERSONAL[row.personal]] if row.personal != "none" else []),
    ]
    return f"| `{row.operation}` | {_where(row)} | {'; '.join(notes)} | {_roles(row)} |\n"


_PERSONAL = {"own": "the caller's own only", "others": "standing needed"}


def _public(row: Row) -> str:
    return f"| `{row.operation}` | {_where(row)} | {row.does} | {row.public} |\n"


def _where(row: Row) -> str:
    return ", ".join(f"`{method} {path}`" for method, path in row.places)


def _roles(row: Row) -> str:
    by_grant: dict[Grant, list[str]] = {}
    for role, grant in sorted(row.grants.items()):
        by_grant.setdefault(grant, []).append(role.replace("_", " "))
    said = [f"{', '.join(roles)}: {grant.scope}{_purposes(grant)}" for grant, roles in by_grant.items()]
    return (
        "<br>".join(said)
        + (f"<br>no purpose: {row.no_purpose}" if row.no_purpose else "")
        + (f"<br>not recorded at the door: {row.apart}" if row.apart else "")
    )


def _purposes(grant: Grant) -> str:
    words: Iterable[str] = [f"*{grant.implied}*"] if grant.implied else []
    listed = ", ".join([*words, *sorted(grant.purposes - {grant.implied})])
    alone = " (no other role beside)" if grant.alone else ""
    return (f", {listed}" if listed else "") + alone
