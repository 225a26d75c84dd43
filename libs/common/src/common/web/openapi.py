"""What the table of permissions says, written into the OpenAPI document: who may call what, and for which purposes."""

from collections.abc import Collection
from typing import Any

from fastapi import FastAPI

from common.access import PURPOSES, Row
from common.access.table import Grant
from common.settings import ServiceSettings
from common.web.door import HEADER, QUERY

SCHEME = "agency"


def describe(app: FastAPI, rows: Collection[Row], settings: ServiceSettings) -> None:
    """Have the application's OpenAPI document say for each operation which roles may call it, and for what.

    Each role is an alternative of its own: a list of them in one requirement would mean all of them at once.
    """
    plain = app.openapi
    by_place = {place: row for row in rows for place in row.places}

    def described() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = plain()
            document.setdefault("components", {})["securitySchemes"] = {SCHEME: _scheme(settings)}
            for path, methods in document["paths"].items():
                for method, operation in methods.items():
                    if row := by_place.get((method.upper(), path)):
                        _add(operation, row)
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = described  # type: ignore[method-assign]


def _scheme(settings: ServiceSettings) -> dict[str, Any]:
    said = (
        "A token of the agency's identity provider; its claim `roles` decides, and employees log in with card and PIN."
    )
    if not settings.issuer:
        return {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": said}
    discovery = f"{settings.issuer.rstrip('/')}/.well-known/openid-configuration"
    return {"type": "openIdConnect", "openIdConnectUrl": discovery, "description": said}


def _add(operation: dict[str, Any], row: Row) -> None:
    operation["security"] = [{SCHEME: [role]} for role in sorted(row.grants)]
    if row.public:
        operation["x-public"] = row.public
        return
    operation["x-roles"] = {role: _grant(grant) for role, grant in sorted(row.grants.items())}
    if row.purposes:
        operation["x-purposes"] = {code: PURPOSES[code].means for code in sorted(row.purposes)}
        operation.setdefault("parameters", []).extend(_parameters(row))


def _grant(grant: Grant) -> dict[str, Any]:
    shown: dict[str, Any] = {"scope": grant.scope.value, "purposes": sorted(grant.purposes)}
    return shown | ({"implied": grant.implied} if grant.implied else {})


def _parameters(row: Row) -> list[dict[str, Any]]:
    needed = any(not grant.implied for grant in row.grants.values())
    said = "For what: decides, with the role, who is let in; recorded." + " Needed for most roles." * needed
    schema = {"type": "string", "enum": sorted(row.purposes)}
    return [
        {"name": HEADER, "in": "header", "required": False, "description": said, "schema": schema},
        {"name": QUERY, "in": "query", "required": False, "description": f"The same as {HEADER}.", "schema": schema},
    ]
