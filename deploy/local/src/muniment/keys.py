"""`muniment keys`: the keyring and the keys that wrap it. Prepare, look, rotate, and destroy what was said in a session.

On one machine everything is found by itself, while the platform is up. Elsewhere say where the keyring is with
MUNIMENT_KEYRING_URL (as its owner), where its wrapping key is (MUNIMENT_KEY_SERVICE and what belongs to it), and, to
destroy, where the chat gateway's database is (MUNIMENT_DATABASE_URL).
"""

import argparse
import asyncio
import getpass
import os
from dataclasses import dataclass
from uuid import UUID

import asyncpg
from pydantic import SecretStr

from common import audit
from common.auth import Principal
from common.clock import SystemClock
from common.database import Database
from common.protection import keyring_store
from common.protection.errors import KeyServiceDeniedError, KeyServiceUnavailableError
from common.protection.key_service import KeyService
from common.protection.keyring import HONOURED_WITHIN
from common.protection.making import EVENTS, make_key_service
from common.settings import ServiceSettings
from muniment import daemon
from muniment.databases import KEYRING, KEYRING_USERS, connect_when_ready
from muniment.errors import PlainError
from muniment.home import find_home
from muniment.service_command import engines_of

_SESSION = "SELECT key_id, status FROM chat_session WHERE id = $1"


@dataclass(frozen=True, slots=True)
class Place:
    """Where keyring and chat gateway are, and what wraps the keys."""

    keyring: str
    gateway: str
    settings: ServiceSettings

    def key_service(self) -> KeyService:
        try:
            return make_key_service(self.settings, EVENTS)
        except ValueError as error:
            raise PlainError(f"{error}.") from None


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = subparsers.add_parser("keys", help="look after the keys that a person's values are sealed under")
    actions = parser.add_subparsers(dest="action", required=True)
    prepare = actions.add_parser("prepare", help="make the keyring's table and grants (`make up` does so too)")
    status = actions.add_parser("status", help="how many keys there are, and under which versions they are wrapped")
    rotate = actions.add_parser("rotate", help="a new version of the wrapping key, and all keys wrapped under it")
    rotate.add_argument(
        "--retire", action="store_true", help="destroy the older versions: old backups of the keyring open nothing more"
    )
    destroy = actions.add_parser("destroy", help="destroy what was said in a session, wherever a copy lies")
    destroy.add_argument("--session", type=UUID, required=True)
    destroy.add_argument("--reason", required=True, help="a code, such as that of the disposition: n1-47-10-1")
    for one, work in ((prepare, _prepare), (status, _status), (rotate, _rotate), (destroy, _destroy)):
        one.set_defaults(work=work, func=_run)


def _run(options: argparse.Namespace) -> int:
    try:
        asyncio.run(options.work(find_place(), options))
    except (KeyServiceUnavailableError, KeyServiceDeniedError) as error:
        raise PlainError(f"{error}.") from None
    except (asyncpg.PostgresError, OSError) as error:
        raise PlainError(f"The keyring cannot be reached: {type(error).__name__}.") from None
    return 0


def find_place() -> Place:
    """Raises: PlainError: nothing says where, and no platform is up here."""
    named = ServiceSettings()
    if keyring := named.keyring_url.get_secret_value():
        gateway = named.database_url.get_secret_value() if os.environ.get("MUNIMENT_DATABASE_URL") else ""
        return Place(keyring, gateway, named)
    home = find_home()
    report = daemon.status(home) if home.run.exists() else None
    if report is None or report["kind"] not in ("platform", "engines"):
        raise PlainError("Muniment is not up, and MUNIMENT_KEYRING_URL names no keyring: `make up` first.")
    engines = engines_of(home, report["facts"])
    settings = named if named.key_folder else named.model_copy(update={"key_folder": str(home.keys)})
    gateway = engines.database_url("chat_gateway", "chat_gateway")
    return Place(engines.database_url(KEYRING, KEYRING), gateway, settings)


async def _prepare(place: Place, _options: argparse.Namespace) -> None:
    await (await connect_when_ready(place.keyring)).close()
    await keyring_store.create_keyring(place.keyring, KEYRING_USERS)
    print(f"The keyring is there, and open to {', '.join(KEYRING_USERS)}.")


async def _status(place: Place, _options: argparse.Namespace) -> None:
    found = await keyring_store.count(place.keyring, place.key_service())
    print(f"{found.living} keys, {found.destroyed} destroyed")
    for version, number in sorted(found.versions.items()):
        print(f"  version {version or 'unknown'} of the wrapping key: {number}")


async def _rotate(place: Place, options: argparse.Namespace) -> None:
    service = place.key_service()
    try:
        newest = await service.rotate()
        done = await keyring_store.rewrap(place.keyring, service)
        print(f"Version {newest or 'new'} of the wrapping key: {done} keys are wrapped under it.")
        if options.retire:
            # Keys that were issued under the old version while the others were wrapped anew.
            late = await keyring_store.rewrap(place.keyring, service)
            await service.retire(newest)
            print(f"Older versions are destroyed ({late} latecomers were wrapped anew before).")
    finally:
        await service.close()


async def _destroy(place: Place, options: argparse.Namespace) -> None:
    if not place.gateway:
        raise PlainError("Say where the chat gateway's database is with MUNIMENT_DATABASE_URL.")
    try:
        gone = await destroy_session(
            place.keyring, place.gateway, options.session, reason=options.reason, by=getpass.getuser()
        )
    except ValueError as error:
        raise PlainError(f"{error}.") from None
    if gone:
        print(
            f"What was said in session {options.session} is destroyed; every process honours it in {HONOURED_WITHIN:g} s."
        )
    else:
        print("It was destroyed before; nothing was changed.")


async def destroy_session(keyring: str, gateway: str, session_id: UUID, *, reason: str, by: str) -> bool:
    """Destroy the key of a closed session, and record it in the gateway's audit trail. Whether it was alive until now.

    Raises:
        ValueError: there is no such session, it is not closed, or the reason is no code.
    """
    database = Database(ServiceSettings(database_url=SecretStr(gateway)), application="muniment keys")
    clock = SystemClock()
    try:
        connection = await asyncpg.connect(gateway)
        try:
            row = await connection.fetchrow(_SESSION, session_id)
        finally:
            await connection.close()
        if row is None:
            raise ValueError("There is no such session")
        if row["status"] != "closed":
            raise ValueError("The session is not closed: what is still being said cannot be destroyed")
        gone = await keyring_store.destroy(keyring, [row["key_id"]], reason=reason, by=by)
        event = audit.AuditEvent(
            Principal(f"operator:{by}", frozenset({"operator"})),
            "console",
            "session.destroy-key",
            "done",
            record_ids=[str(session_id), str(row["key_id"])],
            fields=["entries"],
        )
        async with database.unit_of_work() as session:
            await audit.record(session, event, now=clock.now())
        return bool(gone)
    finally:
        await database.close()
