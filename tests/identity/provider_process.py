"""The provider as a process, and its clients: a program, and a person at a browser."""

import hashlib
import json
import re
import secrets
import shutil
from base64 import urlsafe_b64encode
from pathlib import Path
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx
from joserfc.jwk import ECKey, KeySet

from muniment.home import Home
from muniment.processes import ProcessSpec, Ready, Running, free_port
from tests.plugins import npm

SOURCE = Path(__file__).parent / "provider"
REDIRECT = "http://127.0.0.1/signed-in"


def fetch(engines: Home) -> tuple[Path, Path]:
    """Node and the folder of the provider with its packages, exactly those of the lock; fetched once.

    Raises:
        PlainError: there is no Node or npm, or the packages cannot be had.
    """
    node, folder = npm.install(engines, "openid-provider", SOURCE)
    shutil.copyfile(SOURCE / "server.mjs", folder / "server.mjs")
    return node, folder


class Provider:
    """Runs the provider; `rotate` lets it come back with a new key, on the same port."""

    def __init__(self, node: Path, folder: Path, home: Home) -> None:
        self._port = free_port()
        self._keys = home.path / "provider-keys.json"
        self.issuer = f"http://127.0.0.1:{self._port}"
        self._write_keys()
        spec = ProcessSpec(
            name="openid-provider",
            argv=(str(node), str(folder / "server.mjs"), str(self._port), str(self._keys)),
            cwd=str(folder),
            ready=Ready("tcp", self._port),
        )
        self._running = Running(spec, home.path / "provider.log")

    @property
    def jwks(self) -> str:
        return f"{self.issuer}/jwks"

    def start(self) -> None:
        self._running.start()

    def stop(self) -> None:
        self._running.stop()

    def rotate(self) -> None:
        """The provider signs with a new key from now on, and does not publish the old one any more."""
        self.stop()
        self._write_keys()
        self.start()

    def _write_keys(self) -> None:
        key = ECKey.generate_key("P-256", {"kid": secrets.token_hex(4), "use": "sig", "alg": "ES256"})
        self._keys.write_text(json.dumps(KeySet([key]).as_dict(private=True)))


def program_token(provider: Provider, *, proof: str | None = None) -> str:
    """A program's token by client credentials; bound to the key that made the proof, if there is one."""
    answer = httpx.post(
        f"{provider.issuer}/token",
        data={"grant_type": "client_credentials", "scope": "muniment"},
        auth=("case-system", "a-secret-of-the-test"),
        headers={"DPoP": proof} if proof else {},
    )
    assert answer.status_code == 200, answer.text
    return str(answer.json()["access_token"])


def person_token(provider: Provider, name: str, *, proof: str | None = None) -> str:
    """A person's token: they log in and consent in a browser (authorization code with PKCE, RFC 7636)."""
    verifier = secrets.token_urlsafe(48)
    challenge = urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    asked = {
        "client_id": "workstation",
        "response_type": "code",
        "redirect_uri": REDIRECT,
        "scope": "openid muniment",
        "code_challenge": challenge,
        "code_challenge_method": "S256",
        "state": "s",
    }
    with httpx.Client() as browser:
        code = _walk(browser, f"{provider.issuer}/auth", asked, name)
        answer = browser.post(
            f"{provider.issuer}/token",
            data={
                "grant_type": "authorization_code",
                "client_id": "workstation",
                "code": code,
                "redirect_uri": REDIRECT,
                "code_verifier": verifier,
            },
            headers={"DPoP": proof} if proof else {},
        )
    assert answer.status_code == 200, answer.text
    return str(answer.json()["access_token"])


def _walk(browser: httpx.Client, url: str, asked: dict[str, str], name: str) -> str:
    """Follow the provider through its pages until it sends the browser back with a code."""
    answer = browser.get(url, params=asked)
    for _ in range(12):
        if answer.is_redirect:
            target = urljoin(str(answer.url), answer.headers["location"])
            if target.startswith(REDIRECT):
                return parse_qs(urlsplit(target).query)["code"][0]
            answer = browser.get(target)
            continue
        form = re.search(r'action="([^"]+)"', answer.text)
        prompt = re.search(r'name="prompt" value="(\w+)"', answer.text)
        assert form is not None, answer.text
        assert prompt is not None, answer.text
        filled = {"prompt": prompt[1], "login": name, "password": "any"}
        answer = browser.post(urljoin(str(answer.url), form[1]), data=filled)
    raise AssertionError("the provider never came to an end")
