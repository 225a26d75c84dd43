"""A release grant: what it says, who can check it, and which keys may sign it."""

import json
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet, OKPKey

from common.settings import ServiceSettings
from disclosure.grants import AUDIENCE, Grant, Signer, new_key, read_keys, written
from disclosure.settings import DisclosureSettings
from tests.disclosure.cases import NOON, TRANSCRIPT

OTHER_KIND = OKPKey.generate_key("Ed25519", private=True).as_dict(private=True)


def grant() -> Grant:
    return Grant(
        id=UUID(int=1),
        request_id=UUID(int=2),
        decision_id=UUID(int=3),
        accounting_id=UUID(int=4),
        transcript_ids=(TRANSCRIPT,),
        layer="redacted",
        basis="routine-use-7",
        recipient_kind="national-archives",
        rule_version="v1",
        issued_at=NOON,
        expires_at=NOON + timedelta(hours=1),
    )


def test_anyone_with_the_public_keys_can_check_a_grant() -> None:
    signer = Signer([new_key()])
    decoded = jwt.decode(signer.sign(grant()), KeySet.import_key_set({"keys": signer.public_keys()}))
    assert decoded.header == {"alg": "ES256", "kid": signer.key_id, "typ": "release-grant+jwt"}
    assert decoded.claims == grant().claims()
    assert decoded.claims["aud"] == AUDIENCE == "transcripts"
    assert decoded.claims["exp"] - decoded.claims["iat"] == 3600
    assert decoded.claims["transcript_ids"] == [str(TRANSCRIPT)]


def test_a_grant_of_another_key_is_none() -> None:
    honest, other = Signer([new_key()]), Signer([new_key()])
    with pytest.raises((JoseError, ValueError)):
        jwt.decode(other.sign(grant()), KeySet.import_key_set({"keys": honest.public_keys()}))


def test_only_public_halves_are_published() -> None:
    assert all("d" not in key for key in Signer([new_key(), new_key()]).public_keys())


def test_the_first_key_signs_and_all_are_published() -> None:
    keys = [new_key(), new_key()]
    signer = Signer(keys)
    assert signer.key_id == keys[0].kid
    assert [k["kid"] for k in signer.public_keys()] == [k.kid for k in keys]


@pytest.mark.parametrize("form", ["pem", "jwk", "set"])
def test_keys_are_read_from_pem_jwk_and_jwk_set(form: str, tmp_path: Path) -> None:
    key = new_key()
    text = {
        "pem": key.as_pem(private=True).decode(),
        "jwk": written(key),
        "set": json.dumps({"keys": [json.loads(written(key)), json.loads(written(new_key()))]}),
    }[form]
    file = tmp_path / "key"
    file.write_text(text)
    assert Signer(read_keys(str(file))).key_id == key.kid


@pytest.mark.parametrize("content", ["", "not a key", "{}", '{"keys": 7}', json.dumps(OTHER_KIND), None])
def test_an_unreadable_file_is_said_without_its_content(content: str | None, tmp_path: Path) -> None:
    file = tmp_path / "key"
    if content is not None:
        file.write_text(content)
    with pytest.raises(ValueError, match="MUNIMENT_GRANT_KEY_FILE names no readable private key"):
        read_keys(str(file))


def test_public_keys_and_other_curves_sign_nothing() -> None:
    public = ECKey.import_key(new_key().as_dict(private=False))
    other_curve = ECKey.generate_key("P-384", private=True)
    for keys in ([], [public], [other_curve]):
        with pytest.raises(ValueError, match="P-256"):
            Signer(keys)


def test_outside_the_embedded_profile_a_key_has_to_be_named() -> None:
    assert issubclass(DisclosureSettings, ServiceSettings)
    DisclosureSettings(profile="embedded").check()
    DisclosureSettings(profile="standard", grant_key_file="/run/secrets/grant-key").check()
    with pytest.raises(ValueError, match="MUNIMENT_GRANT_KEY_FILE must name a private key"):
        DisclosureSettings(profile="standard").check()


def test_a_grant_shows_no_recipient_by_name() -> None:
    assert set(grant().claims()) & {"recipient_name", "recipient_address", "name", "address"} == set()
