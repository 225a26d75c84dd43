"""`muniment keys`: the keyring and the keys that wrap it. Prepare, look, rotate.

It destroys no session's key: that would destroy a record, which only its disposition may (invariant 6).

On one machine everything is found by itself, while the platform is up. Elsewhere say where the keyring is with
MUNIMENT_KEYRING_URL (as its owner), and where its wrapping key is (MUNIMENT_KEY_SERVICE and what belongs to it).
"""

import argparse
import asyncio
from dataclasses import dataclass

import asyncpg

from common.protection import keyring_store
from common.protection.errors import KeyServiceDeniedError, KeyServiceUnavailableError
from common.protection.key_service import KeyService
from common.protection.making import EVENTS, make_key_service
from common.settings import ServiceSettings
from muniment import daemon
from muniment.databases import KEYRING, KEYRING_USERS, connect_when_ready
from muniment.errors import PlainError
from muniment.home import find_home
from muniment.service_command import engines_of


@dataclass(frozen=True, slots=True)
class Place:
    """Where the keyring is, and what wraps its keys."""

    keyring: str
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
    for one, work in ((prepare, _prepare), (status, _status), (rotate, _rotate)):
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
        return Place(keyring, named)
    home = find_home()
    report = daemon.status(home) if home.run.exists() else None
    if report is None or report["kind"] not in ("platform", "engines"):
        raise PlainError("Muniment is not up, and MUNIMENT_KEYRING_URL names no keyring: `make up` first.")
    engines = engines_of(home, report["facts"])
    settings = named if named.key_folder else named.model_copy(update={"key_folder": str(home.keys)})
    return Place(engines.database_url(KEYRING, KEYRING), settings)


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
