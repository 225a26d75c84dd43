"""Whether an application offers exactly what the table of permissions says: no route without a row, no row without a route."""

from collections.abc import Collection, Iterator

from fastapi import FastAPI
from fastapi.routing import RouteContext, iter_route_contexts

from common.access import Row
from common.web.door import Guarded

_NO_OPERATION = frozenset({"HEAD", "OPTIONS"})


def agree(app: FastAPI, rows: Collection[Row], frames: Collection[str]) -> None:
    """Compare what is offered with what is allowed.

    Args:
        rows: those of this service.
        frames: types of the frames that its socket takes.

    Raises:
        ValueError: names everything that does not agree.
    """
    wanted = {place: row for row in rows for place in row.places}
    offered = {("frame", frame) for frame in frames}
    wrong: list[str] = []
    for method, path, route in routes_of(app):
        offered.add((method, path))
        row = wanted.get((method, path))
        if row is not None:
            wrong += _wrong_with(row, route)
    wrong += [f"{method} {path} has no row in permissions.yaml" for method, path in offered - wanted.keys()]
    wrong += [f"{wanted[place].operation} has no route {' '.join(place)}" for place in wanted.keys() - offered]
    if wrong:
        raise ValueError("; ".join(sorted(wrong)))


def routes_of(app: FastAPI) -> Iterator[tuple[str, str, RouteContext]]:
    """Every method and path that the application answers."""
    for route in iter_route_contexts(app.routes):
        for method in sorted((route.methods or set()) - _NO_OPERATION):
            yield method, route.path or "", route


def _wrong_with(row: Row, route: RouteContext) -> Iterator[str]:
    guarded = isinstance(route.original_route, Guarded)
    if row.public and guarded:
        yield f"{row.operation} is public and asks for a token"
    if not row.public and not guarded:
        yield f"{row.operation} stands open: its route is not of the class Guarded"
    named = getattr(route, "operation_id", None)
    if named != row.operation and (named is not None or not row.public):
        yield f"the route of {row.operation} has another operation_id"
