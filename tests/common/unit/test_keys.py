"""Data keys, the key file, and what is sealed under them. No engine."""

import base64
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.ids import new_id
from common.protection.data_key import DataKey
from common.protection.errors import (
    KeyDestroyedError,
    KeyServiceDeniedError,
    KeyServiceUnavailableError,
    TamperedError,
)
from common.protection.key_file import FileKeyService, make_key_file
from common.protection.key_service import Plain, Wrapped

AT = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def key() -> DataKey:
    return DataKey(new_id(), os.urandom(32))


@given(st.binary(max_size=300), st.binary(max_size=60))
def test_what_is_sealed_opens_in_its_place_only(content: bytes, place: bytes) -> None:
    one = key()
    sealed = one.seal(content, place)
    assert one.open(sealed, place) == content
    with pytest.raises(TamperedError):
        one.open(sealed, place + b"!")
    with pytest.raises(TamperedError):
        key().open(sealed, place)


@given(st.binary(min_size=1, max_size=60), st.integers(min_value=0))
def test_a_changed_bit_anywhere_is_found(content: bytes, where: int) -> None:
    one = key()
    sealed = bytearray(one.seal(content, b"here"))
    sealed[where % len(sealed)] ^= 1 << (where % 8)
    with pytest.raises(TamperedError):
        one.open(bytes(sealed), b"here")


def test_equal_contents_do_not_look_equal() -> None:
    one = key()
    assert one.seal(b"123-45-6789", b"here") != one.seal(b"123-45-6789", b"here")


@pytest.mark.parametrize("cut", [0, 5, 12, 20])
def test_what_is_too_short_was_tampered_with(cut: int) -> None:
    one = key()
    with pytest.raises(TamperedError):
        one.open(one.seal(b"content", b"here")[:cut], b"here")


def test_a_destroyed_key_says_when_and_why_and_opens_nothing_more() -> None:
    one = key()
    sealed = one.seal(b"content", b"here")
    one.destroy("n1-47-10-1", AT)
    for use in (lambda: one.open(sealed, b"here"), lambda: one.seal(b"more", b"here"), one.check):
        with pytest.raises(KeyDestroyedError) as refused:
            use()
        assert refused.value.status == 410
        assert (refused.value.more["reason"], refused.value.more["at"]) == ("n1-47-10-1", AT.isoformat())


async def test_a_key_file_wraps_for_one_context(tmp_path: Path) -> None:
    make_key_file(tmp_path / "keys" / "events.json")
    service = FileKeyService(tmp_path / "keys" / "events.json")
    secret = os.urandom(32)
    (wrapped,) = await service.wrap([Plain(secret, "key 1")])
    assert await service.unwrap([wrapped]) == [secret]
    assert base64.b64encode(secret).decode() not in wrapped.text
    with pytest.raises(KeyServiceDeniedError):
        await service.unwrap([Wrapped(wrapped.text, "key 2")])


async def test_a_key_file_is_its_owner_s_alone(tmp_path: Path) -> None:
    file = tmp_path / "keys" / "events.json"
    make_key_file(file)
    assert file.stat().st_mode & 0o777 == 0o600
    before = file.read_text()
    make_key_file(file)
    assert file.read_text() == before
    file.chmod(0o622)
    with pytest.raises(KeyServiceDeniedError, match="others"):
        await FileKeyService(file).newest()


async def test_a_new_version_wraps_from_now_on_and_the_old_one_still_opens_until_it_is_retired(tmp_path: Path) -> None:
    make_key_file(tmp_path / "k.json")
    service, other = FileKeyService(tmp_path / "k.json"), FileKeyService(tmp_path / "k.json")
    secret = os.urandom(32)
    (old,) = await service.wrap([Plain(secret, "c")])
    assert (await service.rotate(), await other.newest(), await service.newest()) == (2, 2, 2)
    (new,) = await other.wrap([Plain(secret, "c")])
    assert (service.version_of(old.text), service.version_of(new.text)) == (1, 2)
    assert await other.unwrap([old, new]) == [secret, secret]
    await service.retire(2)
    assert await other.unwrap([new]) == [secret]
    with pytest.raises(KeyServiceDeniedError, match="gone"):
        await other.unwrap([old])
    await service.retire(99)
    assert await other.newest() == 2, "the newest version is never retired"


@pytest.mark.parametrize(
    ("content", "error"),
    [(None, KeyServiceUnavailableError), ("{}", KeyServiceDeniedError), ("no", KeyServiceDeniedError)],
)
async def test_a_missing_or_damaged_key_file_is_said(
    tmp_path: Path, content: str | None, error: type[Exception]
) -> None:
    if content is not None:
        (tmp_path / "k.json").write_text(content)
        (tmp_path / "k.json").chmod(0o600)
    with pytest.raises(error):
        await FileKeyService(tmp_path / "k.json").newest()


@pytest.mark.parametrize("text", ["", "vault:v1:abc", "file:x:QUJD", "file:1:***", "file:1:QUJD"])
async def test_what_no_key_file_wrapped_is_refused(tmp_path: Path, text: str) -> None:
    make_key_file(tmp_path / "k.json")
    with pytest.raises(KeyServiceDeniedError):
        await FileKeyService(tmp_path / "k.json").unwrap([Wrapped(text, "c")])
